# What Berth writes to people. Values that people typed come in as variables, never as markup.
greeting = Hello { $name },
signature = This message was sent by { $sender }.
support = Help: { $support }
until = The link works once, until { $until } (UTC).

welcome-subject = Your account at { $panel }
welcome-body = An account was made for you. You sign in at { $panel } as { $username }.
welcome-action = Choose your password here:
welcome-password = Your password is: { $password }

recovery-subject = A new password
recovery-body = Somebody, probably you, asked to replace the password of { $username }. If it was not you, nothing has to be done.
recovery-action = Choose a new password here:

invitation-subject = You are invited to { $panel }
invitation-body = { $inviter } invites you to have an account at { $panel }.
invitation-action = Accept the invitation here:

registration-subject = Go on with your registration
registration-body = Somebody, probably you, registered at { $panel } with this address. If it was not you, nothing has to be done.
registration-action = Go on here:

already-registered-subject = You have an account already
already-registered-body = Somebody, probably you, registered at { $panel } with this address, which has an account already. A forgotten password can be replaced there.

email-change-old-subject = Your address is about to change
email-change-old-body = The address of { $username } is to become { $email }. Both addresses have to agree. If you don't want this, do nothing, and change your password.
email-change-old-action = Agree here:

email-change-new-subject = Confirm your new address
email-change-new-body = The address of { $username } is to become this one. Both addresses have to agree.
email-change-new-action = Agree here:

second-factor-reset-subject = Your second factor was reset
second-factor-reset-body = An administrator has reset the second factor of { $username }. You will enrol another one when you sign in next. If you did not ask for this, tell the administrator.

suspended-subject = Your account was suspended
suspended-body = The account { $username } was suspended. You can't sign in at { $panel } until it is activated again.
