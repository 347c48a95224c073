import { assert } from "../panel.mjs";

const eachWay = (name, check) => [
  [`${name}`, (panel) => check(panel, true)],
  [`${name}, without JavaScript`, (panel) => check(panel, false)],
];

export const signIn = [
  ...eachWay("who has not signed in sees the door, and afterwards what they wanted", async (panel, script) => {
    const page = await panel.visitor({ script });
    await page.goto(panel.at("/users?q=role%3Aadmin"));
    assert.equal(new URL(page.url()).pathname, "/login");
    await page.getByLabel("Username or email address").fill(panel.admin.name);
    await page.getByLabel("Password").fill("certainly-not-this-one");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("don’t belong together").waitFor();
    assert.equal(await page.getByLabel("Password").inputValue(), "");
    await page.getByLabel("Password").fill(panel.admin.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/users?q=role%3Aadmin");
    await page.getByRole("heading", { name: "Users", level: 1 }).waitFor();
    const cookies = await page.context().cookies();
    const session = cookies.find((cookie) => cookie.name === "__Host-berth");
    assert.ok(session.httpOnly && session.secure && session.path === "/" && session.sameSite === "Lax");
  }),
  ...eachWay("signing out ends the session for good", async (panel, script) => {
    const page = await panel.visitor({ script });
    await panel.signIn(page, panel.user);
    const cookies = await page.context().cookies();
    await page.getByRole("button", { name: "Sign out" }).first().click();
    await page.getByText("You are signed out.").waitFor();
    await page.context().addCookies(cookies);
    await page.goto(panel.at("/profile"));
    assert.equal(new URL(page.url()).pathname, "/login", "the old cookie opens nothing");
  }),
  ["a page speaks German to whoever asks for it", async (panel) => {
    const page = await panel.visitor({ language: "de-DE" });
    await page.goto(panel.at("/login"));
    await page.getByRole("button", { name: "Anmelden" }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "de");
  }],
  ["a form without its token, or from another site, does nothing", async (panel) => {
    const page = await panel.visitor({ as: panel.admin });
    const form = { csrf: "wrong", name: "x" };
    const wrong = await page.request.post(panel.at("/audit"), { form });
    assert.equal(wrong.status(), 403);
    await page.goto(panel.at("/audit"));
    const csrf = await page.locator("input[name=csrf]").first().inputValue();
    const foreign = await page.request.post(panel.at("/audit"), { form: { csrf }, headers: { origin: "https://evil.example" } });
    assert.equal(foreign.status(), 403);
    const ours = await page.request.post(panel.at("/audit"), { form: { csrf } });
    assert.equal(ours.status(), 200);
  }],
];

export { eachWay };
