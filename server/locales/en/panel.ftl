# Frame
skip = Skip to the content
rail = Main menu
tabs = Parts of this page
sign-out = Sign out
search = Search
search-everything = Search users and pages
search-hint = Type a name, an address, a domain, or what you want to do: suspend alice
search-nothing = Nothing is called “{ $query }”.
search-page = Page
search-act = Action
band = You act as { $name }.
band-admin = Signed in: { $admin }.
band-left =
    { $count ->
        [one] One minute is left.
       *[other] { $count } minutes are left.
    }
band-end = End now
save = Save
cancel = Cancel
remove = Remove
remove-this = Remove { $name }
copy = Copy
copied = Copied
save-as-text = Save as text
actions = Actions
actions-for = Actions for { $name }
refused = refused
never = never
none = none
unlimited = unlimited
page-first = First page
page-next = Next page
page-older = Older
form-refused = Nothing was changed. Look at what is marked.
filter-remove = Remove the filter { $filter }
styleguide-lead = Every component in every state, on both grounds.
nav-users = Users
nav-plans = Packages
nav-nodes = Nodes
nav-overview = Overview
nav-sites = Sites
nav-keys = SFTP keys
nav-timers = Timers
nav-egress = Outgoing traffic
nav-activity = Activity
nav-audit = Audit log
ago-now = just now
ago-minutes =
    { $count ->
        [one] 1 minute ago
       *[other] { $count } minutes ago
    }
ago-hours =
    { $count ->
        [one] 1 hour ago
       *[other] { $count } hours ago
    }
ago-days =
    { $count ->
        [one] 1 day ago
       *[other] { $count } days ago
    }
in-minutes =
    { $count ->
        [one] in 1 minute
       *[other] in { $count } minutes
    }
in-hours =
    { $count ->
        [one] in 1 hour
       *[other] in { $count } hours
    }
in-days =
    { $count ->
        [one] in 1 day
       *[other] in { $count } days
    }
theme-auto = As the system
theme-light = Light
theme-dark = Dark
theme-title = Appearance

# Errors
error-not-found = This page does not exist
error-forbidden = This is not allowed
error-internal = Something went wrong on our side
error-refused = This can’t be done
error-hint = What helps: { $hint }
error-request = Request
error-home = To the start

# Signing in
login-title = Sign in
login-name = Username or email address
login-go = Sign in
login-refused = You are not signed in
code-title = Second step
code-lead = Your password is right. Now the code of your authenticator.
code-field = Code
code-help = Six digits, or one of your recovery codes
code-go = Continue
code-leave = Sign in as somebody else
code-refused = The code was not accepted
enrol-title = Set up a second step
enrol-lead = Your account needs a second factor. Scan the code with an authenticator app.
enrol-qr = QR code for an authenticator
enrol-by-hand = Or type this into the app:
enrol-help = The six digits that the app shows now
enrol-go = Confirm
codes-title = Recovery codes
codes-lead = Keep these somewhere safe. Each opens your account once if the authenticator is lost. They are not shown again.
codes-stored = I have stored them
notice-signed-out = You are signed out.
notice-saved = Saved.
notice-added = Added. The server takes it over now.
notice-removed = Removed.
notice-started = Started.
notice-looked = Looked again.
notice-role = The role was changed.
notice-sftp = SFTP was switched. The server takes it over now.
notice-session-ended = Signed out there.

# Users
users-title = Users
users-new = New user
users-export = Export CSV
users-search = Search users
users-search-hint = Name, address, domain, or role:admin package:standard
users-query-refused = The search can’t be understood
users-shown =
    { $count ->
        [one] One user on this page
       *[other] { $count } users on this page
    }
users-empty = There is nobody yet
users-empty-hint = Create the first user: their account, home, site and mailbox domain come with it.
users-nothing = Nobody fits this search
users-nothing-hint = Remove a filter, or search for a part of the name, address or domain.
filter-role = Role
filter-package = Package
filter-state = State
filter-node = Node
column-user = User
column-domain = Domain
column-role = Role
column-package = Package
column-node = Node
column-state = State
column-created = Created
column-actions = Actions
role-admin = Administrator
role-reseller = Reseller
role-user = User
role-help-admin = Everything
role-help-reseller = Owns users
role-help-user = Own sites only
state-active = active
state-person = no hosting
state-provisioning = being set up
state-pending = waiting
state-converged = in order
state-unsupported = not supported
state-failed = failed
state-succeeded = done
state-on = on
state-off = off
state-online = online
state-silent = silent
act-view = View profile
act-role = Change role
act-suspend = Suspend
act-activate = Activate
act-delete = Delete
act-restore = Restore
suspend-explained = Closes what belongs to { $name }. Files and data stay, and everything opens again as it was.
activate-explained = Takes a reason away. { $name } stays suspended while another one is left.
delete-explained = { $name } goes to the trash: everything is closed at once and can be brought back until it is purged.
delete-confirm = Type { $name } to confirm
restore-explained = { $name } comes back with the same files, keys and password.
field-reason = Reason
field-level = How much
help-level = Sign-in only leaves sites and mail running
field-message = Message to the user (optional)
help-message = Shown when they try to sign in
reason-all = Every reason
reason-operator = Decision of the operator
reason-billing = Something is not paid
reason-abuse = Abuse
reason-owner = The owner wants it so
level-full = Everything is closed
level-login = Sign-in is closed
state-suspended = suspended
state-trashed = in the trash
state-purging = being removed
notice-suspend = Suspended. The server closes everything now.
notice-activate = Activated. The server opens everything now.
notice-delete = In the trash. Everything is closed, and can be restored.
notice-restore = Restored. The server sets everything up again.
filter-suspended = Suspended for
act-sftp = Switch SFTP
role-explained = What { $name } may do from the next click on.
sftp-explained = Files by SFTP, with SSH keys only. Switching it off ends open connections.
tab-profile = Profile
tab-sites = Sites
tab-keys = Keys
tab-timers = Timers
tab-egress = Outgoing
tab-activity = Activity
tab-security = Security
tab-resources = Resources

# New user
new-title = New user
new-lead = A person, and the hosting account that goes with them.
new-person = Person
new-hosting = Hosting account
new-hosting-help = Administrators may leave this empty
new-access = Access
new-go = Create user
field-display-name = Name
field-email = Email address
field-role = Role
field-username = Username
field-primary-domain = Primary domain
field-package = Package
field-sftp = SFTP
field-password = Password
field-password-optional = Password (optional)
field-welcome = Send a welcome message
field-phone = Phone
field-address = Postal address
field-timezone = Time zone
field-language = Language
help-display-name = Shown in the panel and in messages
help-email = For signing in and for recovery
help-username = Lower-case letters, digits, - and _
help-primary-domain = The first site, such as example.com
help-package = What the account may use
help-sftp = Nobody gets in until an SSH key is added
help-password-new = Leave it empty to have one generated and shown once
help-welcome = To the email address above
help-timezone = Such as Europe/Berlin
preview-title = What will exist
preview-empty = As soon as the form is complete, this shows exactly what will be created.
preview-limits = Limits
what-user = Person
what-account = Unix account
what-home = Home directory
what-quota = Disk quota
what-slice = Resource limits
what-sftp = SFTP login
what-egress = Outgoing traffic
what-timers = Timers
what-php = PHP pool
what-domain = Domain
what-site = Site
created-title = { $name } was created
created-lead = Everything is stored. The server is setting it up.
created-replayed = This user had been created before; nothing was done twice.
created-password = Password
created-password-once = This is shown once and stored nowhere in readable form.
created-sign-in-at = Sign in at
created-sign-in-as = Sign in as
created-progress = Setting up
created-progress-help = Most parts take less than five seconds. You can leave this page.
created-open = Open the user
created-another = Create another
created-list = To the list
reload-progress = See how far it is
profile-title = Profile
account-title = Hosting account
account-home = Home directory
account-uid = Unix number
person-title = Person
person-id = Id
resource-account = Account
resource-home = Home
resource-quota = Disk quota
resource-slice = Limits
resource-sftp = SFTP
resource-egress = Outgoing
resource-timers = Timers
resource-php = PHP
resource-site = Site
resources-none = No hosting account
resources-none-hint = This user is a person only, so nothing of theirs is on a server.
resources-reported = The server last reported
resources-unreported = The server has not reported yet.
resources-desired = Wanted
resources-observed = Found on the server
resources-nothing = Nothing yet
activity-title = Activity
activity-lead = What was done, newest first.
activity-empty = Nothing has happened yet
activity-empty-hint = Every change will be here as a sentence, with who made it.
event-details = Details
audit-title = Audit log
audit-lead = Every change and every refusal, chained so that none can be altered unseen.
audit-verify = Verify
audit-whole =
    { $count ->
        [one] The only entry is whole.
       *[other] All { $count } entries are whole and in order.
    }
audit-broken = The log was altered: entry { $sequence } does not fit the one before it.
audit-user = User
audit-action = Action, such as user.create
audit-outcome = Outcome
audit-any = Done and refused
outcome-done = Done
outcome-refused = Refused
done-user-create = { $actor } created { $subject }
done-user-edit = { $actor } changed the profile of { $subject }
done-user-set-password = { $actor } set a new password for { $subject }
done-user-set-role = { $actor } changed the role of { $subject }
done-user-read = { $actor } looked at { $subject }
done-user-suspend = { $actor } suspended { $subject }
done-user-activate = { $actor } activated { $subject }
done-user-delete = { $actor } deleted { $subject }
done-user-restore = { $actor } restored { $subject }
done-user-impersonate = { $actor } began to act as { $subject }
done-sftp-set = { $actor } switched SFTP of { $subject }
done-domain-add = { $actor } added the domain { $subject }
done-domain-edit = { $actor } changed the site { $subject }
done-domain-remove = { $actor } removed the domain { $subject }
done-domain-verify = { $actor } proved { $subject }
done-domain-approve = { $actor } approved { $subject }
done-ssh-key-add = { $actor } added the SSH key { $subject }
done-ssh-key-remove = { $actor } removed the SSH key { $subject }
done-egress-rule-add = { $actor } opened outgoing traffic for { $subject }
done-egress-rule-remove = { $actor } closed outgoing traffic for { $subject }
done-timer-add = { $actor } added the timer { $subject }
done-timer-edit = { $actor } changed the timer { $subject }
done-timer-remove = { $actor } removed the timer { $subject }
done-timer-run = { $actor } ran the timer { $subject }
done-package-create = { $actor } created the package { $subject }
done-package-edit = { $actor } changed the package { $subject }
done-package-delete = { $actor } deleted the package { $subject }
done-node-audit = { $actor } had { $subject } looked at
done-home-quarantine = { $actor } moved the left-over home { $subject } aside
done-api-key-create = { $actor } created an API key for { $subject }
done-api-key-revoke = { $actor } revoked the API key { $subject }
done-session-sign-in = { $subject } signed in ({ $actor })
done-session-sign-out = { $actor } signed out ({ $subject })
done-session-revoke = { $actor } ended sessions of { $subject }

# Hosting
sites-title = Sites
sites-lead = Your domains and what they show.
sites-add = Add a domain
sites-folder = Folder
sites-primary = primary
sites-open = Open
sites-all = All sites
sites-visit = Visit the site
site-facts = Site
site-aliases = Other names
site-logs = Logs
site-log-empty = Nothing has been written yet.
log-access = Requests
log-error = Errors
log-php = PHP
domain-active = proven
domain-pending = not proven yet
field-domain = Domain
help-domain = A name that is yours, such as example.com
proof-title = Prove that this domain is yours
proof-lead = Publish one of the two. Berth looks by itself, or now.
proof-record = TXT record
proof-file = Or a file at
proof-value = With this text
proof-checked = Last looked
proof-look = Look now
proof-approve = Approve without proof
keys-title = SFTP keys
keys-lead = Whoever has one of these keys reaches your files. There is no password for SFTP.
keys-off = SFTP is switched off, so no key opens anything.
keys-empty = No key yet
keys-empty-hint = Without a key nobody gets in by SFTP. Add the public half of one.
keys-add = Add a key
keys-name = Name
keys-fingerprint = Fingerprint
keys-unnamed = without a name
field-key = Public key
help-key = One line that begins with ssh-ed25519, ecdsa or ssh-rsa
timers-title = Timers
timers-lead = Commands that run by themselves, as your account.
timers-empty = No timer yet
timers-empty-hint = A timer runs a command at times that you choose, such as every night.
timers-add = Add a timer
timers-name = Name
timers-schedule = Schedule
timers-command = Command
timers-next = Next run
timers-last = Last run
timers-never = never
timers-run = Run now
help-timer-name = Such as nightly
help-schedule = Such as 0 3 * * * or @daily, in UTC
help-command = Runs by /bin/sh in your home directory
timer-mode-always = always ready
timer-mode-on-demand = when due
timer-mode-off = not included
egress-title = Outgoing traffic
egress-lead = What your sites may reach on the network, and what was refused.
egress-policy = The package allows
egress-refused = Refused packets
egress-blocked = Refused most often in the last day
egress-blocked-none = Nothing was refused.
egress-times =
    { $count ->
        [one] once
       *[other] { $count } times
    }
egress-empty = No exception
egress-empty-hint = An exception lets this account reach something that its package does not.
egress-add = Add an exception
egress-network = Network
egress-port = Port
egress-protocol = Protocol
egress-note = Why
help-network = An address or a network such as 192.0.2.0/24
help-port = A port or a range such as 1000-2000
egress-none = nothing
egress-web = web and DNS
egress-web-mail = web, DNS and mail submission
egress-open = everything public
overview-title = Overview
overview-sites = Sites
overview-usage = Usage
overview-usage-none = The server does not measure usage.
usage-disk = Disk space
usage-inodes = Files
own-title = Profile and security
factor-title = Second factor
sessions-title = Where you are signed in
sessions-none = No session is open.
session-where = From
session-used = Last used
session-since = Since
session-this = this one
session-end = Sign out
session-end-all = Sign out everywhere else
logins-title = Sign-ins
logins-none = Nobody has tried to sign in yet.
login-when = When
login-what = What happened
login-where = From
login-outcome-success = Signed in
login-outcome-password_right = Password right, second step asked
login-outcome-second_factor = Signed in with a code
login-outcome-recovery_code = Signed in with a recovery code
login-outcome-wrong_password = Wrong password
login-outcome-wrong_code = Wrong code
login-outcome-may_not = May not sign in
login-outcome-too_many = Too many attempts
nodes-title = Nodes
nodes-lead = The servers, and how far each is.
nodes-accounts = Accounts
nodes-waiting = Being set up
nodes-failed = Failed
nodes-seen = Last heard of
nodes-version = Agent
nodes-look = Look at everything now
plans-title = Packages
plans-lead = What an account may use.
plans-accounts =
    { $count ->
        [one] 1 account
       *[other] { $count } accounts
    }
limit-disk_mb = Disk space (MB)
limit-inodes = Files
limit-cpu_percent = CPU (% of a core)
limit-memory_mb = Memory (MB)
limit-tasks = Processes
limit-io_mb_per_second = Disk speed (MB/s)
limit-domains = Domains
limit-mailboxes = Mailboxes
limit-databases = Databases
limit-php_children = PHP requests at once
limit-value-inherit = default
limit-value-unlimited = unlimited

# Problems that people meet in forms; the catalogue of problems says the rest.
problem-field_missing = Please fill this in.
problem-username_invalid = Use 3 to 32 lower-case letters, digits, - and _, beginning with a letter.
problem-username_reserved = This name is kept for the system. Choose another one.
problem-username_taken = This username is already in use.
problem-email_invalid = Write the address as name@example.com.
problem-email_taken = Another user has this address.
problem-display_name_invalid = Use 1 to 100 characters on one line.
problem-domain_invalid = Write a domain such as example.com.
problem-ssh_key_taken = The account has this key already.
problem-sign_in_failed = The name and the password don’t belong together.
problem-user_not_found = There is no such user.
problem-not_found = There is nothing at this address.
problem-last_admin = The last administrator can’t lose the role.
problem-self_change = You can’t do this to yourself.
problem-precondition_failed = Somebody else has changed this meanwhile. What you see now is the newest; change it again.
problem-unavailable = A part of Berth can’t be reached. Try again in a moment.
