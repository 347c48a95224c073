<?php
// The first page of a new site. It is yours: replace it with your own.
$site = htmlspecialchars($_SERVER['SERVER_NAME'] ?? 'Your site', ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
$uid = function_exists('posix_geteuid') ? posix_geteuid() : getmyuid();
// The web server hands over whatever it has no file for; this page stands for the start of the site only.
$path = parse_url($_SERVER['REQUEST_URI'] ?? '/', PHP_URL_PATH);
if (!in_array($path, ['/', '/index.php'], true)) {
    http_response_code(404);
    header('Content-Type: text/plain; charset=utf-8');
    exit("There is nothing here.\n");
}
header('Content-Type: text/html; charset=utf-8');
header('Cache-Control: no-store');
?>
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title><?= $site ?></title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1.5rem; color: #223; }
h1 { font-size: 1.8rem; }
code { background: #eef; padding: 0.1em 0.4em; border-radius: 0.3em; }
</style>
</head>
<body>
<h1><?= $site ?> is ready</h1>
<p>PHP runs here as a user of its own: <code>uid=<?= (int) $uid ?></code>.</p>
<p>Put your files into <code>public_html</code> by SFTP; this page is <code>index.php</code> there.</p>
</body>
</html>
