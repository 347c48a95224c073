//! Commands: what every dialect parses its input into. One file per verb that takes input.

mod add_domain;
mod add_egress_rule;
mod add_ssh_key;
mod add_timer;
mod add_webhook;
mod create_api_key;
mod create_package;
mod create_user;
mod edit_domain;
mod edit_package;
mod edit_timer;
mod edit_user;
mod list_users;
mod set_package;
mod set_password;
mod sign_in;
mod suspend_user;
mod user_query;

pub use add_domain::AddDomain;
pub use add_egress_rule::AddEgressRule;
pub use add_ssh_key::AddSshKey;
pub use add_timer::AddTimer;
pub use add_webhook::AddWebhook;
pub use create_api_key::{ApiKeyLabel, CreateApiKey};
pub use create_package::CreatePackage;
pub use create_user::{CreateUser, Hosting};
pub use edit_domain::EditDomain;
pub use edit_package::EditPackage;
pub use edit_timer::EditTimer;
pub use edit_user::{Edit, EditUser};
pub use list_users::{ListUsers, UserFilter};
pub use set_package::SetPackage;
pub use set_password::SetPassword;
pub use sign_in::SignIn;
pub use suspend_user::SuspendUser;
pub use user_query::{QueryMap, UserQuery};
