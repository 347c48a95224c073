# Frame
skip = Zum Inhalt springen
rail = Hauptmenü
tabs = Teile dieser Seite
sign-out = Abmelden
search = Suchen
search-everything = Benutzer und Seiten suchen
search-hint = Geben Sie einen Namen, eine Adresse, eine Domain oder eine Tätigkeit ein
search-nothing = Nichts heißt „{ $query }“.
search-page = Seite
search-act = Aktion
band = Sie handeln als { $name }.
band-admin = Angemeldet: { $admin }.
band-left =
    { $count ->
        [one] Noch eine Minute.
       *[other] Noch { $count } Minuten.
    }
band-end = Jetzt beenden
save = Speichern
cancel = Abbrechen
remove = Entfernen
remove-this = { $name } entfernen
copy = Kopieren
copied = Kopiert
save-as-text = Als Text speichern
actions = Aktionen
actions-for = Aktionen für { $name }
refused = abgelehnt
never = nie
none = keine
unlimited = unbegrenzt
page-first = Erste Seite
page-next = Nächste Seite
page-older = Ältere
form-refused = Nichts wurde geändert. Bitte prüfen Sie, was markiert ist.
filter-remove = Filter { $filter } entfernen
styleguide-lead = Jeder Baustein in jedem Zustand, auf beiden Hintergründen.
nav-users = Benutzer
nav-plans = Pakete
nav-nodes = Server
nav-overview = Übersicht
nav-sites = Websites
nav-keys = SFTP-Schlüssel
nav-timers = Zeitpläne
nav-egress = Ausgehende Verbindungen
nav-activity = Aktivität
nav-audit = Protokoll
ago-now = gerade eben
ago-minutes =
    { $count ->
        [one] vor 1 Minute
       *[other] vor { $count } Minuten
    }
ago-hours =
    { $count ->
        [one] vor 1 Stunde
       *[other] vor { $count } Stunden
    }
ago-days =
    { $count ->
        [one] vor 1 Tag
       *[other] vor { $count } Tagen
    }
in-minutes =
    { $count ->
        [one] in 1 Minute
       *[other] in { $count } Minuten
    }
in-hours =
    { $count ->
        [one] in 1 Stunde
       *[other] in { $count } Stunden
    }
in-days =
    { $count ->
        [one] in 1 Tag
       *[other] in { $count } Tagen
    }
theme-auto = Wie das System
theme-light = Hell
theme-dark = Dunkel
theme-title = Darstellung

# Errors
error-not-found = Diese Seite gibt es nicht
error-forbidden = Das ist nicht erlaubt
error-internal = Bei uns ist etwas schiefgegangen
error-refused = Das geht nicht
error-hint = Was hilft: { $hint }
error-request = Anfrage
error-home = Zum Anfang

# Signing in
login-title = Anmelden
login-name = Benutzername oder E-Mail-Adresse
login-go = Anmelden
login-refused = Sie sind nicht angemeldet
code-title = Zweiter Schritt
code-lead = Das Passwort stimmt. Nun der Code Ihrer Authenticator-App.
code-field = Code
code-help = Sechs Ziffern oder einer Ihrer Wiederherstellungscodes
code-go = Weiter
code-leave = Als jemand anderes anmelden
code-refused = Der Code wurde nicht angenommen
enrol-title = Zweiten Schritt einrichten
enrol-lead = Ihr Konto braucht einen zweiten Faktor. Scannen Sie den Code mit einer Authenticator-App.
enrol-qr = QR-Code für eine Authenticator-App
enrol-by-hand = Oder in der App eintippen:
enrol-help = Die sechs Ziffern, die die App jetzt zeigt
enrol-go = Bestätigen
codes-title = Wiederherstellungscodes
codes-lead = Bewahren Sie diese sicher auf. Jeder öffnet Ihr Konto einmal, falls die App verloren geht. Sie werden nicht noch einmal angezeigt.
codes-stored = Ich habe sie gespeichert
notice-signed-out = Sie sind abgemeldet.
notice-saved = Gespeichert.
notice-added = Hinzugefügt. Der Server übernimmt es jetzt.
notice-removed = Entfernt.
notice-started = Gestartet.
notice-looked = Noch einmal nachgesehen.
notice-role = Die Rolle wurde geändert.
notice-sftp = SFTP wurde umgestellt. Der Server übernimmt es jetzt.
notice-session-ended = Dort abgemeldet.

# Users
users-title = Benutzer
users-new = Neuer Benutzer
users-export = CSV-Export
users-search = Benutzer suchen
users-search-hint = Name, Adresse, Domain oder role:admin package:standard
users-query-refused = Die Suche ist nicht zu verstehen
users-shown =
    { $count ->
        [one] Ein Benutzer auf dieser Seite
       *[other] { $count } Benutzer auf dieser Seite
    }
users-empty = Noch ist niemand da
users-empty-hint = Legen Sie den ersten Benutzer an: Konto, Verzeichnis und Website entstehen mit ihm.
users-nothing = Die Suche findet niemanden
users-nothing-hint = Entfernen Sie einen Filter oder suchen Sie nach einem Teil von Name, Adresse oder Domain.
filter-role = Rolle
filter-package = Paket
filter-state = Zustand
filter-node = Server
column-user = Benutzer
column-domain = Domain
column-role = Rolle
column-package = Paket
column-node = Server
column-state = Zustand
column-created = Angelegt
column-actions = Aktionen
role-admin = Administrator
role-reseller = Wiederverkäufer
role-user = Benutzer
role-help-admin = Alles
role-help-reseller = Verwaltet eigene Benutzer
role-help-user = Nur eigene Websites
state-active = aktiv
state-person = ohne Hosting
state-provisioning = wird eingerichtet
state-pending = wartet
state-converged = in Ordnung
state-unsupported = nicht möglich
state-failed = fehlgeschlagen
state-succeeded = erledigt
state-on = an
state-off = aus
state-online = erreichbar
state-silent = meldet sich nicht
act-view = Profil ansehen
act-role = Rolle ändern
act-suspend = Sperren
act-activate = Entsperren
act-delete = Löschen
act-restore = Wiederherstellen
suspend-explained = Schließt, was zu { $name } gehört. Dateien und Daten bleiben, und alles öffnet sich wieder, wie es war.
activate-explained = Nimmt einen Grund weg. { $name } bleibt gesperrt, solange ein anderer besteht.
delete-explained = { $name } kommt in den Papierkorb: Alles wird sofort geschlossen und kann zurückgeholt werden, bis es endgültig entfernt wird.
delete-confirm = Zur Bestätigung { $name } eingeben
restore-explained = { $name } kommt mit denselben Dateien, Schlüsseln und demselben Passwort zurück.
field-reason = Grund
field-level = Wie weit
help-level = Nur die Anmeldung lässt Websites und Mail weiterlaufen
field-message = Nachricht an den Benutzer (optional)
help-message = Steht beim Versuch, sich anzumelden
reason-all = Alle Gründe
reason-operator = Entscheidung des Betreibers
reason-billing = Etwas ist nicht bezahlt
reason-abuse = Missbrauch
reason-owner = Der Inhaber will es so
level-full = Alles ist geschlossen
level-login = Die Anmeldung ist geschlossen
state-suspended = gesperrt
state-trashed = im Papierkorb
state-purging = wird entfernt
notice-suspend = Gesperrt. Der Server schließt nun alles.
notice-activate = Entsperrt. Der Server öffnet nun alles.
notice-delete = Im Papierkorb. Alles ist geschlossen und kann zurückgeholt werden.
notice-restore = Wiederhergestellt. Der Server richtet alles wieder ein.
filter-suspended = Gesperrt wegen
act-sftp = SFTP umschalten
role-explained = Was { $name } ab dem nächsten Klick darf.
sftp-explained = Dateien per SFTP, nur mit SSH-Schlüsseln. Ausschalten beendet offene Verbindungen.
tab-profile = Profil
tab-sites = Websites
tab-keys = Schlüssel
tab-timers = Zeitpläne
tab-egress = Ausgehend
tab-activity = Aktivität
tab-security = Sicherheit
tab-resources = Ressourcen

# New user
new-title = Neuer Benutzer
new-lead = Eine Person und das Hosting-Konto dazu.
new-person = Person
new-hosting = Hosting-Konto
new-hosting-help = Administratoren können dies leer lassen
new-access = Zugang
new-go = Benutzer anlegen
field-display-name = Name
field-email = E-Mail-Adresse
field-role = Rolle
field-username = Benutzername
field-primary-domain = Hauptdomain
field-package = Paket
field-sftp = SFTP
field-password = Passwort
field-password-optional = Passwort (optional)
field-welcome = Begrüßung senden
field-phone = Telefon
field-address = Anschrift
field-timezone = Zeitzone
field-language = Sprache
help-display-name = Steht im Panel und in Nachrichten
help-email = Zum Anmelden und zur Wiederherstellung
help-username = Kleinbuchstaben, Ziffern, - und _
help-primary-domain = Die erste Website, etwa example.com
help-package = Was das Konto nutzen darf
help-sftp = Niemand kommt hinein, bis ein SSH-Schlüssel hinterlegt ist
help-password-new = Leer lassen, dann wird eines erzeugt und einmal angezeigt
help-welcome = An die E-Mail-Adresse oben
help-timezone = Etwa Europe/Berlin
preview-title = Was entsteht
preview-empty = Sobald das Formular vollständig ist, steht hier genau, was angelegt wird.
preview-limits = Grenzen
what-user = Person
what-account = Unix-Konto
what-home = Heimatverzeichnis
what-quota = Speicherplatz
what-slice = Ressourcengrenzen
what-sftp = SFTP-Zugang
what-egress = Ausgehende Verbindungen
what-timers = Zeitpläne
what-php = PHP-Pool
what-domain = Domain
what-site = Website
created-title = { $name } wurde angelegt
created-lead = Alles ist gespeichert. Der Server richtet es ein.
created-replayed = Dieser Benutzer war schon angelegt; nichts wurde doppelt getan.
created-password = Passwort
created-password-once = Es wird nur einmal angezeigt und nirgends lesbar gespeichert.
created-sign-in-at = Anmelden unter
created-sign-in-as = Anmelden als
created-progress = Einrichtung
created-progress-help = Das meiste dauert weniger als fünf Sekunden. Sie können die Seite verlassen.
created-open = Benutzer öffnen
created-another = Weiteren anlegen
created-list = Zur Liste
reload-progress = Fortschritt ansehen
profile-title = Profil
account-title = Hosting-Konto
account-home = Heimatverzeichnis
account-uid = Unix-Nummer
person-title = Person
person-id = Kennung
resource-account = Konto
resource-home = Verzeichnis
resource-quota = Speicherplatz
resource-slice = Grenzen
resource-sftp = SFTP
resource-egress = Ausgehend
resource-timers = Zeitpläne
resource-php = PHP
resource-site = Website
resources-none = Kein Hosting-Konto
resources-none-hint = Dieser Benutzer ist nur eine Person; auf keinem Server liegt etwas von ihm.
resources-reported = Der Server meldete sich zuletzt
resources-unreported = Der Server hat sich noch nicht gemeldet.
resources-desired = Gewollt
resources-observed = Auf dem Server gefunden
resources-nothing = Noch nichts
activity-title = Aktivität
activity-lead = Was getan wurde, Neuestes zuerst.
activity-empty = Noch ist nichts geschehen
activity-empty-hint = Jede Änderung steht hier als Satz, mit dem, der sie gemacht hat.
event-details = Einzelheiten
audit-title = Protokoll
audit-lead = Jede Änderung und jede Ablehnung, verkettet, damit keine unbemerkt verändert werden kann.
audit-verify = Prüfen
audit-whole =
    { $count ->
        [one] Der einzige Eintrag ist unversehrt.
       *[other] Alle { $count } Einträge sind unversehrt und vollständig.
    }
audit-broken = Das Protokoll wurde verändert: Eintrag { $sequence } passt nicht zum vorigen.
audit-user = Benutzer
audit-action = Vorgang, etwa user.create
audit-outcome = Ausgang
audit-any = Getan und abgelehnt
outcome-done = Getan
outcome-refused = Abgelehnt
done-user-create = { $actor } hat { $subject } angelegt
done-user-edit = { $actor } hat das Profil von { $subject } geändert
done-user-set-password = { $actor } hat ein neues Passwort für { $subject } gesetzt
done-user-set-role = { $actor } hat die Rolle von { $subject } geändert
done-user-read = { $actor } hat { $subject } angesehen
done-user-suspend = { $actor } hat { $subject } gesperrt
done-user-activate = { $actor } hat { $subject } entsperrt
done-user-delete = { $actor } hat { $subject } gelöscht
done-user-restore = { $actor } hat { $subject } wiederhergestellt
done-user-impersonate = { $actor } handelt nun als { $subject }
done-sftp-set = { $actor } hat SFTP von { $subject } umgestellt
done-domain-add = { $actor } hat die Domain { $subject } hinzugefügt
done-domain-edit = { $actor } hat die Website { $subject } geändert
done-domain-remove = { $actor } hat die Domain { $subject } entfernt
done-domain-verify = { $actor } hat { $subject } nachgewiesen
done-domain-approve = { $actor } hat { $subject } freigegeben
done-ssh-key-add = { $actor } hat den SSH-Schlüssel { $subject } hinterlegt
done-ssh-key-remove = { $actor } hat den SSH-Schlüssel { $subject } entfernt
done-egress-rule-add = { $actor } hat ausgehende Verbindungen für { $subject } erlaubt
done-egress-rule-remove = { $actor } hat eine Erlaubnis von { $subject } entfernt
done-timer-add = { $actor } hat den Zeitplan { $subject } angelegt
done-timer-edit = { $actor } hat den Zeitplan { $subject } geändert
done-timer-remove = { $actor } hat den Zeitplan { $subject } entfernt
done-timer-run = { $actor } hat den Zeitplan { $subject } ausgeführt
done-package-create = { $actor } hat das Paket { $subject } angelegt
done-package-edit = { $actor } hat das Paket { $subject } geändert
done-package-delete = { $actor } hat das Paket { $subject } gelöscht
done-node-audit = { $actor } hat { $subject } prüfen lassen
done-home-quarantine = { $actor } hat das verbliebene Verzeichnis { $subject } beiseitegelegt
done-api-key-create = { $actor } hat einen API-Schlüssel für { $subject } erzeugt
done-api-key-revoke = { $actor } hat den API-Schlüssel { $subject } widerrufen
done-session-sign-in = { $subject } hat sich angemeldet ({ $actor })
done-session-sign-out = { $actor } hat sich abgemeldet ({ $subject })
done-session-revoke = { $actor } hat Sitzungen von { $subject } beendet

# Hosting
sites-title = Websites
sites-lead = Ihre Domains und was sie zeigen.
sites-add = Domain hinzufügen
sites-folder = Ordner
sites-primary = Hauptdomain
sites-open = Öffnen
sites-all = Alle Websites
sites-visit = Website besuchen
site-facts = Website
site-aliases = Weitere Namen
site-logs = Protokolle
site-log-empty = Noch steht nichts darin.
log-access = Anfragen
log-error = Fehler
log-php = PHP
domain-active = nachgewiesen
domain-pending = noch nicht nachgewiesen
field-domain = Domain
help-domain = Ein Name, der Ihnen gehört, etwa example.com
proof-title = Nachweis, dass die Domain Ihnen gehört
proof-lead = Veröffentlichen Sie eines von beiden. Berth sieht von selbst nach, oder jetzt gleich.
proof-record = TXT-Eintrag
proof-file = Oder eine Datei unter
proof-value = Mit diesem Text
proof-checked = Zuletzt nachgesehen
proof-look = Jetzt nachsehen
proof-approve = Ohne Nachweis freigeben
keys-title = SFTP-Schlüssel
keys-lead = Wer einen dieser Schlüssel hat, erreicht Ihre Dateien. Für SFTP gibt es kein Passwort.
keys-off = SFTP ist ausgeschaltet; kein Schlüssel öffnet etwas.
keys-empty = Noch kein Schlüssel
keys-empty-hint = Ohne Schlüssel kommt niemand per SFTP hinein. Hinterlegen Sie die öffentliche Hälfte.
keys-add = Schlüssel hinterlegen
keys-name = Name
keys-fingerprint = Fingerabdruck
keys-unnamed = ohne Namen
field-key = Öffentlicher Schlüssel
help-key = Eine Zeile, die mit ssh-ed25519, ecdsa oder ssh-rsa beginnt
timers-title = Zeitpläne
timers-lead = Befehle, die von selbst laufen, als Ihr Konto.
timers-empty = Noch kein Zeitplan
timers-empty-hint = Ein Zeitplan führt einen Befehl zu gewählten Zeiten aus, etwa jede Nacht.
timers-add = Zeitplan anlegen
timers-name = Name
timers-schedule = Zeiten
timers-command = Befehl
timers-next = Nächster Lauf
timers-last = Letzter Lauf
timers-never = nie
timers-run = Jetzt ausführen
help-timer-name = Etwa nightly
help-schedule = Etwa 0 3 * * * oder @daily, in UTC
help-command = Läuft mit /bin/sh in Ihrem Verzeichnis
timer-mode-always = immer bereit
timer-mode-on-demand = wenn fällig
timer-mode-off = nicht enthalten
egress-title = Ausgehende Verbindungen
egress-lead = Was Ihre Websites im Netz erreichen dürfen und was abgelehnt wurde.
egress-policy = Das Paket erlaubt
egress-refused = Abgelehnte Pakete
egress-blocked = Am letzten Tag am häufigsten abgelehnt
egress-blocked-none = Nichts wurde abgelehnt.
egress-times =
    { $count ->
        [one] einmal
       *[other] { $count }-mal
    }
egress-empty = Keine Ausnahme
egress-empty-hint = Eine Ausnahme lässt das Konto etwas erreichen, was sein Paket nicht erlaubt.
egress-add = Ausnahme hinzufügen
egress-network = Netz
egress-port = Port
egress-protocol = Protokoll
egress-note = Warum
help-network = Eine Adresse oder ein Netz wie 192.0.2.0/24
help-port = Ein Port oder ein Bereich wie 1000-2000
egress-none = nichts
egress-web = Web und DNS
egress-web-mail = Web, DNS und Mailversand
egress-open = alles Öffentliche
overview-title = Übersicht
overview-sites = Websites
overview-usage = Verbrauch
overview-usage-none = Der Server misst keinen Verbrauch.
usage-disk = Speicherplatz
usage-inodes = Dateien
own-title = Profil und Sicherheit
factor-title = Zweiter Faktor
sessions-title = Offene Sitzungen
sessions-none = Keine Sitzung ist offen.
session-where = Von
session-used = Zuletzt benutzt
session-since = Seit
session-this = diese hier
session-end = Abmelden
session-end-all = Überall sonst abmelden
logins-title = Anmeldungen
logins-none = Noch hat niemand versucht, sich anzumelden.
login-when = Wann
login-what = Was geschah
login-where = Von
login-outcome-success = Angemeldet
login-outcome-password_right = Passwort richtig, zweiter Schritt verlangt
login-outcome-second_factor = Mit Code angemeldet
login-outcome-recovery_code = Mit Wiederherstellungscode angemeldet
login-outcome-wrong_password = Falsches Passwort
login-outcome-wrong_code = Falscher Code
login-outcome-may_not = Darf sich nicht anmelden
login-outcome-too_many = Zu viele Versuche
nodes-title = Server
nodes-lead = Die Server und wie weit jeder ist.
nodes-accounts = Konten
nodes-waiting = In Arbeit
nodes-failed = Fehlgeschlagen
nodes-seen = Zuletzt gemeldet
nodes-version = Agent
nodes-look = Jetzt alles prüfen
plans-title = Pakete
plans-lead = Was ein Konto nutzen darf.
plans-accounts =
    { $count ->
        [one] 1 Konto
       *[other] { $count } Konten
    }
limit-disk_mb = Speicherplatz (MB)
limit-inodes = Dateien
limit-cpu_percent = CPU (% eines Kerns)
limit-memory_mb = Arbeitsspeicher (MB)
limit-tasks = Prozesse
limit-io_mb_per_second = Plattendurchsatz (MB/s)
limit-domains = Domains
limit-mailboxes = Postfächer
limit-databases = Datenbanken
limit-php_children = PHP-Anfragen zugleich
limit-value-inherit = Vorgabe
limit-value-unlimited = unbegrenzt

# Problems that people meet in forms; the catalogue of problems says the rest.
problem-field_missing = Bitte ausfüllen.
problem-username_invalid = Verwenden Sie 3 bis 32 Kleinbuchstaben, Ziffern, - und _, mit einem Buchstaben am Anfang.
problem-username_reserved = Dieser Name ist dem System vorbehalten. Bitte wählen Sie einen anderen.
problem-username_taken = Dieser Benutzername ist schon vergeben.
problem-email_invalid = Schreiben Sie die Adresse als name@example.com.
problem-email_taken = Ein anderer Benutzer hat diese Adresse.
problem-display_name_invalid = Verwenden Sie 1 bis 100 Zeichen in einer Zeile.
problem-domain_invalid = Schreiben Sie eine Domain wie example.com.
problem-ssh_key_taken = Das Konto hat diesen Schlüssel schon.
problem-sign_in_failed = Name und Passwort gehören nicht zusammen.
problem-user_not_found = Diesen Benutzer gibt es nicht.
problem-not_found = An dieser Adresse ist nichts.
problem-last_admin = Der letzte Administrator kann die Rolle nicht verlieren.
problem-self_change = Das können Sie nicht mit sich selbst tun.
problem-precondition_failed = Jemand anderes hat dies inzwischen geändert. Sie sehen nun den neuesten Stand; ändern Sie ihn erneut.
problem-unavailable = Ein Teil von Berth ist nicht erreichbar. Versuchen Sie es gleich noch einmal.
