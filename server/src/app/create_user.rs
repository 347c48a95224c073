use berth_core::account::Uid;
use berth_core::command::{CreateUser, Hosting};
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::id::{AccountId, DomainId, InvitationId, MailId, SshKeyId, UserId};
use berth_core::layout;
use berth_core::mail::MailKind;
use berth_core::mode::Mode;
use berth_core::name::Login;
use berth_core::plan::{preview_create, standard_aliases};
use berth_core::policy::Action;
use berth_core::role::Role;
use berth_core::ssh_key::SshPublicKey;
use berth_core::standing::Life;
use berth_core::user::{Language, MemberRole};
use berth_core::view::{ChangeKind, CreatedUser};
use berth_core::{Code, Problem, Problems};
use berth_store::accounts::AccountRecord;
use berth_store::domains::DomainRecord;
use berth_store::memberships::MembershipRecord;
use berth_store::nodes::NodeOverview;
use berth_store::packages::PackageRecord;
use berth_store::ssh_keys::SshKeyRecord;
use berth_store::users::{PasswordHash, UserRecord};
use berth_store::{Tx, accounts, domains, memberships, nodes, outbox, packages, ssh_keys, users, web_users};
use serde_json::{Value, json};

use super::audited::audit;
use super::authorize::{Target, authorize, refuse};
use super::context::Ctx;
use super::domain_claim::{initial_state, is_admin, why_taken};
use super::idempotency::Request;
use super::invitation;
use super::known::no_package;
use super::mail::{Addressee, queue};
use super::outcome::{Outcome, one_change};
use super::ownership::admit;
use super::problem::{Failure, retrying};
use super::set_password::{check_password, generate_password};
use super::view::user_view;

/// Creates a person and, with hosting, the account, domain, keys and membership that go with it, in one
/// transaction. The node makes it so afterwards.
///
/// # Errors
/// Every clash at once, each with its field: `username_taken`, `home_exists`, `email_taken`, `domain_taken`,
/// `package_not_found`, `limit_exceeded`, `password_invalid`, `node_missing`; `forbidden` for a role that the
/// caller can't give; `idempotency_conflict`.
pub async fn create_user(
    ctx: &Ctx,
    command: CreateUser,
    mode: Mode,
) -> Result<Outcome<CreatedUser>, Problems> {
    let target = Target::installation(name_of(&command));
    authorize(ctx, Action::UserCreate, &target).await?;
    if command.role != Role::User && !is_admin(&ctx.actor) {
        let problem =
            Problem::new(Code::Forbidden, format!("only an administrator creates a {}", command.role))
                .at("role")
                .hint("use the role user");
        refuse(ctx, Action::UserCreate.as_str(), &target, problem).await?;
    }
    let owner = match ctx.actor.user_and_role() {
        Some((user, Role::Reseller)) => Some(user),
        _ => None,
    };
    create(ctx, command, mode, &Origin { owner, ..Origin::default() }).await
}

/// Why a user is created, if not only because the caller says so.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// The invitation that is accepted by it.
    pub(super) invitation: Option<InvitationId>,
    /// The reseller whose customer the user becomes.
    pub(super) owner: Option<UserId>,
    /// The user's language.
    pub(super) language: Language,
}

/// Creates a user for somebody whose right to it has been made sure of.
pub(super) async fn create(
    ctx: &Ctx,
    command: CreateUser,
    mode: Mode,
    origin: &Origin,
) -> Result<Outcome<CreatedUser>, Problems> {
    let secret = command.password.as_ref().map_or("", |password| password.expose());
    let request = Request::with_secret(ctx, Action::UserCreate, &command, secret)?;

    // A first look without the writers' lock, so that neither a mistake nor a repetition costs a hash.
    let place = match retrying!(&ctx.app, look(ctx, &command, &request, mode))? {
        Look::Done(answer) => return Ok(Outcome::Done(*answer)),
        Look::Repeated => {
            return Ok(Outcome::of_dry_run(mode, || repeated(&command)).unwrap_or(Outcome::Checked));
        }
        Look::Free(place) => place,
    };
    let plan = || {
        let place = place.as_ref();
        let (limits, features) =
            place.map(|place| (place.package.limits, place.package.features)).unwrap_or_default();
        let node = place.map_or("", |place| place.node.node.name.as_str());
        preview_create(&command, &limits, &features, &ctx.app.settings.defaults, node)
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }

    let generated = command.password.is_none().then(|| generate_password(&ctx.app));
    let Some(password) = command.password.as_ref().or(generated.as_ref()) else {
        return Err(Problem::new(Code::Internal, "no password was made").into());
    };
    let hash = PasswordHash(ctx.app.hasher.hash(password, ctx.app.randomness.as_ref()).await?);
    let welcome = command.welcome_email.then(|| MailId::new(ctx.app.clock.now(), ctx.app.randomness.ten()));
    if let Some(mail) = welcome.filter(|_| ctx.app.installation().welcome_include_password) {
        ctx.app.keep_welcome_password(mail, password);
    }
    let stored = retrying!(&ctx.app, store(ctx, &command, &request, &hash, origin, welcome));
    if let Some(mail) = welcome.filter(|_| stored.as_ref().map_or(true, |created| created.replayed)) {
        ctx.app.forget_welcome_password(mail);
    }
    let mut created = stored?;
    if !created.replayed {
        ctx.app.notifier.signal();
        created.password = generated.map(|password| password.expose().to_owned());
    }
    Ok(Outcome::Done(created))
}

/// What the first look at the database found.
enum Look {
    /// The command was done before; this is its answer.
    Done(Box<CreatedUser>),
    /// The same for a dry run, which gives no answer of its own.
    Repeated,
    /// Nothing stands in the way.
    Free(Option<Box<Place>>),
}

/// Where a new account goes.
struct Place {
    package: PackageRecord,
    node: NodeOverview,
}

async fn look(ctx: &Ctx, command: &CreateUser, request: &Request, mode: Mode) -> Result<Look, Failure> {
    let mut tx = ctx.app.store.read().await?;
    if let Some(answer) = done_before(&mut tx, request).await? {
        return Ok(if mode == Mode::Apply { Look::Done(Box::new(answer)) } else { Look::Repeated });
    }
    let mut problems = Problems::none();
    if let Some(password) = &command.password
        && let Err(problem) = check_password(&ctx.app, password, &known_about(command))
    {
        problems.push(problem);
    }
    let (clashes, place) = clashes(ctx, &mut tx, command).await?;
    problems.extend(clashes);
    problems.into_result()?;
    Ok(Look::Free(place.map(Box::new)))
}

/// The answer if the same command was done before: under the same key, or lately by the same actor.
async fn done_before(tx: &mut Tx, request: &Request) -> Result<Option<CreatedUser>, Failure> {
    if let Some(answer) = request.replay::<CreatedUser>(tx, Mode::Apply).await? {
        return Ok(Some(CreatedUser { replayed: true, password: None, ..answer }));
    }
    let Some(id) = request.recent(tx).await? else { return Ok(None) };
    let Some(user) = users::by_id(tx, id).await? else { return Ok(None) };
    answer(tx, user, true).await.map(Some)
}

/// Everything that stands in the way, each with its field.
async fn clashes(ctx: &Ctx, tx: &mut Tx, command: &CreateUser) -> Result<(Problems, Option<Place>), Failure> {
    let mut problems = Problems::none();
    let mut place = None;
    if let Some(hosting) = &command.hosting {
        let node = least_loaded(tx).await?;
        match &node {
            Some(node) => problems.extend(name_clashes(tx, hosting, node).await?),
            None => problems.push(
                Problem::new(Code::NodeMissing, "no node takes accounts")
                    .hint("run `berth setup` on a server"),
            ),
        }
        let package = packages::by_name(tx, &hosting.package).await?;
        match &package {
            None => problems.push(no_package(&hosting.package).at("package")),
            Some(package) => {
                let bounds = package.limits.resolve(&ctx.app.settings.defaults);
                if !bounds.domains.allows(1) {
                    problems.push(
                        Problem::new(
                            Code::LimitExceeded,
                            format!("the package {} allows no domain, and an account has one", package.name),
                        )
                        .at("package"),
                    );
                }
            }
        }
        if let Some(problem) = why_taken(ctx, tx, &hosting.primary_domain, None).await? {
            problems.push(problem.at("primary_domain"));
        }
        place = node.zip(package).map(|(node, package)| Place { package, node });
    }
    if users::by_email(tx, &command.email).await?.is_some() {
        problems.push(
            Problem::new(Code::EmailTaken, format!("another user has the address {}", command.email))
                .at("email"),
        );
    }
    Ok((problems, place))
}

/// The node with the fewest accounts; the first by name of several.
async fn least_loaded(tx: &mut Tx) -> Result<Option<NodeOverview>, Failure> {
    Ok(nodes::list(tx).await?.into_iter().min_by_key(|node| node.accounts))
}

async fn name_clashes(tx: &mut Tx, hosting: &Hosting, node: &NodeOverview) -> Result<Problems, Failure> {
    let username = &hosting.username;
    let taken = |detail: String| Problem::new(Code::UsernameTaken, detail).at("username");
    let foreign = nodes::foreign(tx, node.node.id, username).await?;
    let problem = if accounts::by_username(tx, username).await?.is_some()
        || users::by_login(tx, &Login::from(username)).await?.is_some()
        || web_users::by_key(tx, username.as_str()).await?.is_some()
    {
        Some(taken(format!("{username} is already in use")))
    } else if foreign.account {
        Some(
            taken(format!(
                "{} has an account or a group named {username} that is not Berth's",
                node.node.name
            ))
            .hint("choose another name, or remove that account from the server"),
        )
    } else if foreign.home {
        Some(
            Problem::new(
                Code::HomeExists,
                format!("{} is left on {} from somebody else", layout::home(username), node.node.name),
            )
            .at("username")
            .hint(format!("`berth home quarantine {username}` moves it aside")),
        )
    } else {
        None
    };
    Ok(problem.into_iter().collect())
}

/// Writes it all, or answers what somebody else's identical command has written meanwhile.
async fn store(
    ctx: &Ctx,
    command: &CreateUser,
    request: &Request,
    password: &PasswordHash,
    origin: &Origin,
    welcome: Option<MailId>,
) -> Result<CreatedUser, Failure> {
    let mut tx = ctx.app.store.begin().await?;
    if let Some(hosting) = &command.hosting {
        domains::lock(&mut tx, &hosting.primary_domain).await?;
    }
    if let Some(answer) = done_before(&mut tx, request).await? {
        return Ok(answer);
    }
    let (clashes, place) = clashes(ctx, &mut tx, command).await?;
    clashes.into_result()?;
    let user = new_user(ctx, command, origin);
    users::insert(&mut tx, &user, Some(password)).await?;
    invitation::used(&ctx.app, &mut tx, origin, user.id).await?;
    if let Some(mail) = welcome {
        queue(&ctx.app, &mut tx, mail, MailKind::Welcome, Addressee::from(&user), json!({})).await?;
    }
    let mut uid = None;
    if let Some((hosting, place)) = command.hosting.as_ref().zip(place) {
        uid = Some(store_account(ctx, &mut tx, user.id, hosting, &place).await?.uid);
    }
    let payload = json!({ "user": user.id, "welcome_email": command.welcome_email });
    let message = UserId::new(user.created_at, ctx.app.randomness.ten()).0;
    outbox::enqueue(&mut tx, message, "user.created", &payload, user.created_at).await?;
    request.remember_user(&mut tx, user.id).await?;
    let created = answer(&mut tx, user, false).await?;
    request.remember(&mut tx, &created).await?;
    let detail = audit_detail(command, uid.map(Uid::get));
    audit(ctx, &mut tx, Action::UserCreate, name_of(command), Some(created.user.id), detail).await?;
    tx.commit().await?;
    Ok(created)
}

fn new_user(ctx: &Ctx, command: &CreateUser, origin: &Origin) -> UserRecord {
    let now = ctx.app.clock.now();
    UserRecord {
        id: UserId::new(now, ctx.app.randomness.ten()),
        login: command.hosting.as_ref().map(|hosting| Login::from(&hosting.username)),
        email: command.email.clone(),
        display_name: command.display_name.clone(),
        role: command.role,
        phone: None,
        address: None,
        timezone: None,
        language: origin.language,
        owner: origin.owner,
        password_set_at: Some(now),
        created_at: now,
        version: 1,
        life: Life::default(),
    }
}

async fn store_account(
    ctx: &Ctx,
    tx: &mut Tx,
    user: UserId,
    hosting: &Hosting,
    place: &Place,
) -> Result<AccountRecord, Failure> {
    let now = ctx.app.clock.now();
    let random = || ctx.app.randomness.ten();
    // Both take locks until the commit, always in this order.
    let generation = nodes::next_generation(tx, place.node.node.id).await?;
    let uid = accounts::allocate_uid(tx).await?;
    let account = AccountRecord {
        id: AccountId::new(now, random()),
        username: hosting.username.clone(),
        uid,
        node: place.node.node.id,
        package: place.package.id,
        sftp_enabled: hosting.sftp,
        generation,
        observed_generation: 0,
        created_at: now,
    };
    accounts::insert(tx, &account).await?;
    let membership = MembershipRecord { user, account: account.id, role: MemberRole::Owner, created_at: now };
    memberships::insert(tx, &membership).await?;
    let domain = DomainRecord {
        id: DomainId::new(now, random()),
        account: account.id,
        fqdn: hosting.primary_domain.clone(),
        aliases: standard_aliases(&hosting.primary_domain),
        docroot: berth_core::domain::Docroot::default(),
        state: initial_state(ctx),
        primary: true,
        https_redirect: berth_core::domain::HttpsRedirect::default(),
        hsts: None,
        created_at: now,
    };
    admit(ctx, tx, &domain).await?;
    for key in &hosting.ssh_keys {
        let key = SshKeyRecord {
            id: SshKeyId::new(now, random()),
            account: account.id,
            key: key.clone(),
            created_at: now,
        };
        ssh_keys::insert(tx, &key).await?;
    }
    Ok(account)
}

/// The answer about a user who is in the database.
async fn answer(tx: &mut Tx, user: UserRecord, replayed: bool) -> Result<CreatedUser, Failure> {
    let overview = accounts::of_user(tx, user.id).await?;
    let conditions = match &overview {
        None => Vec::new(),
        Some(overview) if overview.conditions.is_empty() => {
            Resource::ALL.iter().map(|resource| Condition::new(*resource, ConditionState::Pending)).collect()
        }
        Some(overview) => overview.conditions.clone(),
    };
    let uid = overview.as_ref().map(|overview| overview.account.uid);
    Ok(CreatedUser { user: user_view(user, overview)?, uid, password: None, conditions, replayed })
}

/// Who and what, without anything secret.
fn audit_detail(command: &CreateUser, uid: Option<u32>) -> Value {
    let hosting = command.hosting.as_ref().map(|hosting| {
        let keys: Vec<&str> = hosting.ssh_keys.iter().map(SshPublicKey::fingerprint).collect();
        json!({
            "username": hosting.username,
            "uid": uid,
            "package": hosting.package,
            "primary_domain": hosting.primary_domain,
            "sftp": hosting.sftp,
            "ssh_keys": keys,
        })
    });
    json!({
        "email": command.email,
        "display_name": command.display_name,
        "role": command.role,
        "account": hosting,
        "password": if command.password.is_some() { "supplied" } else { "generated" },
    })
}

fn repeated(command: &CreateUser) -> berth_core::view::PlanView {
    let why = "created by the same command in the last 24 hours; nothing would change".to_owned();
    one_change(ChangeKind::Keep, "user", name_of(command), Some(why))
}

fn name_of(command: &CreateUser) -> String {
    command.hosting.as_ref().map_or_else(|| command.email.to_string(), |hosting| hosting.username.to_string())
}

/// What an attacker would try first as this person's password.
fn known_about(command: &CreateUser) -> Vec<String> {
    let mut about = vec![
        command.email.to_string(),
        command.email.local_part().to_owned(),
        command.display_name.to_string(),
    ];
    if let Some(hosting) = &command.hosting {
        about.push(hosting.username.to_string());
        about.push(hosting.primary_domain.to_string());
        let registered = hosting.primary_domain.registrable();
        about.push(registered.to_owned());
        about.extend(registered.split('.').next().map(str::to_owned));
    }
    about
}
