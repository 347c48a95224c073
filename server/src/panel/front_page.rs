use super::html::page;

/// The front page. It says nothing about the installation, since anybody can see it.
pub(super) fn render() -> String {
    page("Berth", CONTENT)
}

const CONTENT: &str = r#"<main class="front">
<h1>Berth</h1>
<p class="lead">The user plane of this hosting server. Operators work with the command line and the API.</p>
<ul class="doors">
<li><a href="/api/v1/docs"><strong>API</strong><span>Every operation, with its fields and its problems</span></a></li>
<li><a href="/api/v1/openapi.json"><strong>OpenAPI document</strong><span>The same for programs</span></a></li>
<li><a href="/health/ready"><strong>Health</strong><span>Whether the server can do its work</span></a></li>
</ul>
<p class="aside">On the server itself, <code>berth --help</code> lists the commands. Root needs no key there.</p>
</main>"#;
