import { readFileSync } from "node:fs";
import { assert } from "../panel.mjs";

const OPERATOR = {
  users: "/users", "user-new-empty": "/users/new", plans: "/plans", nodes: "/nodes", activity: "/activity",
  audit: "/audit", search: "/search?q=ali", styleguide: "/styleguide", profile: "/profile",
};
const TABS = ["", "/sites", "/keys", "/timers", "/egress", "/activity", "/security", "/resources", "/role", "/sftp", "/suspend", "/delete"];
const OWNER = {
  overview: "/overview", "own-sites": "/sites", "own-keys": "/keys", "own-timers": "/timers", "own-egress": "/egress",
  "own-profile": "/profile",
};
const MOST_BYTES = 100_000;
const MOST_REQUESTS = 8;

async function pages(panel, page) {
  await page.goto(panel.at("/users?q=alice"));
  const alice = await page.getByRole("link", { name: "Alice" }).first().getAttribute("href");
  const tabs = TABS.map((tab) => [`user${tab.replace("/", "-")}`, alice + tab]);
  return [...Object.entries(OPERATOR), ...tabs];
}

async function look(panel, page, name, path, theme) {
  await page.goto(panel.at(path), { waitUntil: "load" });
  await page.evaluate(readFileSync(panel.axe, "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const shown = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(shown, [], `${path} (${theme})`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${path} is ${wide} pixels too wide`);
  const suffix = theme === "dark" ? "-dark" : "";
  if (panel.pictures && (theme === "light" || ["users", "user", "overview"].includes(name))) {
    await page.screenshot({ path: `${panel.pictures}/${name}${suffix}.png` });
  }
}

export const accessibility = ["light", "dark"].flatMap((theme) => [
  [`no page of an operator has a serious fault of accessibility (${theme})`, async (panel) => {
    const page = await panel.visitor({ as: panel.admin, theme });
    for (const [name, path] of await pages(panel, page)) await look(panel, page, name, path, theme);
    assert.deepEqual(page.said, []);
  }],
  [`no page of an owner, and no door, has one (${theme})`, async (panel) => {
    const page = await panel.visitor({ as: panel.user, theme });
    for (const [name, path] of Object.entries(OWNER)) await look(panel, page, name, path, theme);
    const stranger = await panel.visitor({ theme });
    await look(panel, stranger, "login", "/login", theme);
    await look(panel, stranger, "not-found", "/nothing-here", theme);
    assert.deepEqual([...page.said, ...stranger.said], []);
  }],
]).concat([
  ["a first page needs few requests and less than 100 KB", async (panel) => {
    for (const [as, path] of [[null, "/login"], [panel.admin, "/users"], [panel.user, "/overview"]]) {
      const page = await panel.visitor({ as });
      const client = await page.context().newCDPSession(page);
      await client.send("Network.enable");
      let bytes = 0;
      let requests = 0;
      client.on("Network.loadingFinished", ({ encodedDataLength }) => {
        bytes += encodedDataLength;
        requests += 1;
      });
      await page.goto(panel.at(path), { waitUntil: "load" });
      assert.ok(bytes < MOST_BYTES && requests <= MOST_REQUESTS, `${path}: ${bytes} bytes, ${requests} requests`);
      const shift = await page.evaluate(() => new Promise((done) => {
        let sum = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.value))).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(sum), 300);
      }));
      assert.ok(shift < 0.01, `${path} moves by ${shift}`);
    }
  }],
  ["pages fit a telephone", async (panel) => {
    const page = await panel.visitor({ as: panel.admin, width: 390 });
    for (const path of ["/users", "/users/new", "/nodes"]) {
      await page.goto(panel.at(path));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${path} is ${wide} pixels too wide`);
    }
    await page.goto(panel.at("/users"));
    await page.screenshot({ path: `${panel.pictures}/users-phone.png` });
  }],
]);
