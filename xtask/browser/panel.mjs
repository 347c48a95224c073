// The panel in a browser: contexts with and without scripts, signing in, and what every page has to keep to.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export class Panel {
  static async open(settings) {
    const require = createRequire(join(resolve(settings.modules), "x.js"));
    const { chromium } = require("playwright-core");
    const browser = await chromium.launch({
      executablePath: settings.chromium,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--disable-sync",
        // Customers' names lead to the node, and nowhere else.
        `--host-resolver-rules=MAP *.com ${settings.address}`,
      ],
    });
    return new Panel(settings, browser, require.resolve("axe-core/axe.min.js"));
  }

  constructor(settings, browser, axe) {
    Object.assign(this, settings);
    this.browser = browser;
    this.axe = axe;
    this.contexts = [];
    this.states = new Map();
    this.page = null;
  }

  // A page of a visitor of their own. What it must not say on its console fails the check that opened it.
  async visitor({ script = true, as = null, theme = "light", language = "en-GB", width = 1280 } = {}) {
    const context = await this.browser.newContext({
      ignoreHTTPSErrors: true,
      javaScriptEnabled: script,
      colorScheme: theme,
      locale: language,
      viewport: { width, height: 800 },
      storageState: as ? await this.signedIn(as) : undefined,
    });
    context.setDefaultTimeout(10_000);
    this.contexts.push(context);
    const page = await context.newPage();
    page.said = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) page.said.push(message.text());
    });
    page.on("pageerror", (error) => page.said.push(String(error)));
    this.page = page;
    return page;
  }

  // The cookies of somebody, who signs in once for the whole suite.
  async signedIn(who) {
    if (!this.states.has(who.name)) {
      const context = await this.browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      await this.signIn(page, who);
      this.states.set(who.name, await context.storageState());
      await context.close();
    }
    return this.states.get(who.name);
  }

  async signIn(page, who) {
    await page.goto(this.at("/login"));
    await page.getByLabel("Username or email address").fill(who.name);
    await page.getByLabel("Password").fill(who.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((url) => !url.pathname.startsWith("/login"));
  }

  at(path) {
    return new URL(path, this.url).href;
  }

  async photograph(path) {
    await this.page?.screenshot({ path, fullPage: true }).catch(() => {});
  }

  async close() {
    const said = this.contexts.flatMap((context) => context.pages().flatMap((page) => page.said ?? []));
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
    this.page = null;
    if (said.length) console.log(`        the browser complained: ${said.join("; ")}`);
  }

  async end() {
    await this.browser.close();
  }
}

// A name that no earlier run has used.
let count = 0;
export function fresh(kind) {
  count += 1;
  return `${kind}${Date.now().toString(36).slice(-5)}${count}`;
}

export { assert };
