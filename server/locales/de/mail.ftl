# Was Berth schreibt. Was Menschen eingegeben haben, kommt als Variable herein, nie als Auszeichnung.
greeting = Guten Tag { $name },
signature = Diese Nachricht hat { $sender } verschickt.
support = Hilfe: { $support }
until = Der Link gilt einmal, bis { $until } (UTC).

welcome-subject = Ihr Konto bei { $panel }
welcome-body = Für Sie wurde ein Konto angelegt. Sie melden sich auf { $panel } als { $username } an.
welcome-action = Hier wählen Sie Ihr Passwort:
welcome-password = Ihr Passwort lautet: { $password }

recovery-subject = Ein neues Passwort
recovery-body = Jemand, wahrscheinlich Sie, möchte das Passwort von { $username } ersetzen. Wenn Sie es nicht waren, ist nichts zu tun.
recovery-action = Hier wählen Sie ein neues Passwort:

invitation-subject = Einladung zu { $panel }
invitation-body = { $inviter } lädt Sie zu einem Konto bei { $panel } ein.
invitation-action = Hier nehmen Sie die Einladung an:

registration-subject = Ihre Registrierung geht weiter
registration-body = Jemand, wahrscheinlich Sie, hat sich mit dieser Adresse bei { $panel } registriert. Wenn Sie es nicht waren, ist nichts zu tun.
registration-action = Hier geht es weiter:

already-registered-subject = Sie haben schon ein Konto
already-registered-body = Jemand, wahrscheinlich Sie, hat sich mit dieser Adresse bei { $panel } registriert. Zu ihr gibt es schon ein Konto. Ein vergessenes Passwort lässt sich dort ersetzen.

email-change-old-subject = Ihre Adresse soll sich ändern
email-change-old-body = Die Adresse von { $username } soll { $email } werden. Beide Adressen müssen zustimmen. Wenn Sie das nicht wollen, tun Sie nichts und ändern Sie Ihr Passwort.
email-change-old-action = Hier stimmen Sie zu:

email-change-new-subject = Bestätigen Sie Ihre neue Adresse
email-change-new-body = Die Adresse von { $username } soll diese werden. Beide Adressen müssen zustimmen.
email-change-new-action = Hier stimmen Sie zu:

second-factor-reset-subject = Ihr zweiter Faktor wurde zurückgesetzt
second-factor-reset-body = Ein Administrator hat den zweiten Faktor von { $username } zurückgesetzt. Bei der nächsten Anmeldung richten Sie einen neuen ein. Wenn Sie das nicht wollten, sagen Sie es dem Administrator.

suspended-subject = Ihr Konto wurde gesperrt
suspended-body = Das Konto { $username } wurde gesperrt. Sie können sich auf { $panel } nicht anmelden, bis es wieder freigegeben ist.
