import { assert, fresh } from "../panel.mjs";
import { eachWay } from "./sign-in.mjs";

async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
}

export const people = [
  ...eachWay("a form with mistakes names all of them at once, beside their fields", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.admin });
    await page.goto(panel.at("/users/new"));
    await fill(page, { Name: "", "Email address": "nobody", Username: "Not A Name", "Primary domain": "com", "Password (optional)": "certainly-lost" });
    await page.getByRole("button", { name: "Create user" }).click();
    await page.getByText("Nothing was changed.").waitFor();
    for (const field of ["display_name", "email", "username", "primary_domain"]) {
      assert.equal(await page.locator(`#f-${field}`).getAttribute("aria-invalid"), "true", field);
      assert.ok((await page.locator(`#e-${field}`).textContent()).length > 5, field);
    }
    assert.equal(await page.getByLabel("Username", { exact: true }).inputValue(), "Not A Name", "what was typed stays");
    assert.equal(await page.getByLabel("Password (optional)").inputValue(), "", "but the password");
    if (script) assert.equal(await page.evaluate(() => document.activeElement.id), "f-display_name");
  }),
  ...eachWay("a password that is too easy is refused beside its field", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.admin });
    const name = fresh("easy");
    await page.goto(panel.at("/users/new"));
    await fill(page, { Name: "Easy", "Email address": `${name}@example.com`, Username: name, "Primary domain": `${name}.com`, "Password (optional)": "password" });
    await page.getByRole("button", { name: "Create user" }).click();
    await page.locator("#e-password").waitFor();
  }),
  ...eachWay("what is taken is said beside the field", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.admin });
    await page.goto(panel.at("/users/new"));
    await fill(page, { Name: "Second Alice", "Email address": "alice@example.com", Username: "alice", "Primary domain": "alicesite.com" });
    await page.getByRole("button", { name: "Create user" }).click();
    await page.locator("#e-username").getByText("already in use").waitFor();
    await page.locator("#e-email").getByText("Another user").waitFor();
    assert.ok(await page.locator("#e-primary_domain").count());
  }),
  ["the preview shows what will exist while the form is filled in", async (panel) => {
    const page = await panel.visitor({ as: panel.admin });
    const name = fresh("prev");
    await page.goto(panel.at("/users/new"));
    await fill(page, { Name: "Preview", "Email address": `${name}@example.com`, Username: name, "Primary domain": `${name}.com` });
    await page.locator("#preview").getByText(`/home/${name}`).first().waitFor();
    await page.locator("#preview").getByText("PHP pool").waitFor();
    await page.screenshot({ path: `${panel.pictures}/user-new.png` });
  }],
  ...eachWay("a user is created, converges before one's eyes, and their site opens", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.admin });
    const name = fresh("web");
    await page.goto(panel.at("/users/new"));
    await fill(page, { Name: "Ana Weber", "Email address": `${name}@example.com`, Username: name, "Primary domain": `${name}.com` });
    await page.getByRole("button", { name: "Create user" }).click();
    await page.getByRole("heading", { name: "Ana Weber was created" }).waitFor();
    const password = await page.locator("#password").textContent();
    assert.ok(password.length >= 20, "a password was generated");
    if (script) {
      await page.locator(".tile.good").nth(5).waitFor({ timeout: 30_000 });
      await page.waitForFunction(() => !document.querySelector(".tile.busy"), null, { timeout: 60_000 });
      await page.screenshot({ path: `${panel.pictures}/user-created.png` });
    }
    await page.getByRole("link", { name: "Open the user" }).click();
    const started = Date.now();
    while (await page.locator(".tile.busy").count()) {
      assert.ok(Date.now() - started < 60_000, "it converges in time");
      await page.waitForTimeout(500);
      await page.reload();
    }
    assert.ok(await page.locator(".tile.good").count() > 5);
    assert.ok(!(await page.content()).includes(password), "the password is shown once");
    const site = await panel.visitor({ script });
    const answer = await site.goto(`http://${name}.com/`);
    assert.equal(answer.status(), 200, "the site answers");
    const owner = await panel.visitor({ script });
    await panel.signIn(owner, { name, password });
    await owner.getByRole("heading", { name: "Overview" }).waitFor();
    const foreign = await owner.goto(panel.at("/users/new"));
    assert.ok([403, 404].includes(foreign.status()), "and may not create users");
  }),
  ...eachWay("a profile is edited, and an edit of something old is refused", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.admin });
    const other = await panel.visitor({ script, as: panel.admin });
    await page.goto(panel.at("/users?q=alice"));
    await page.getByRole("link", { name: "Alice" }).first().click();
    await other.goto(page.url());
    await page.getByLabel("Phone").fill(`+49 30 ${Date.now() % 10_000_000}`);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    await other.getByLabel("Phone").fill("+1 555 0100");
    await other.getByRole("button", { name: "Save" }).click();
    await other.getByText("Somebody else has changed this").waitFor();
  }),
  ...eachWay("the role of a user is changed and changed back", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.admin });
    await page.goto(panel.at("/users?q=alice"));
    await page.getByRole("link", { name: "Alice" }).first().click();
    for (const role of ["reseller", "user"]) {
      await page.getByText("Actions", { exact: true }).click();
      await page.getByRole("link", { name: "Change role" }).click();
      await page.getByLabel("Role").selectOption(role);
      await page.getByRole("button", { name: "Change role" }).click();
      await page.getByText("The role was changed.").waitFor();
    }
  }),
  ...eachWay("a user is suspended, activated, deleted by typing the name, and restored", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.admin });
    const name = fresh("life");
    await page.goto(panel.at("/users/new"));
    await fill(page, { Name: "Lena Vogt", "Email address": `${name}@example.com`, Username: name, "Primary domain": `${name}.com` });
    await page.getByRole("button", { name: "Create user" }).click();
    const password = await page.locator("#password").textContent();
    await page.getByRole("link", { name: "Open the user" }).click();
    const home = page.url();
    const owner = await panel.visitor({ script });
    await panel.signIn(owner, { name, password });
    const act = async (label) => {
      await page.goto(home);
      await page.getByText("Actions", { exact: true }).click();
      await page.getByRole("link", { name: label, exact: true }).click();
    };
    await act("Suspend");
    await page.getByLabel("Reason").selectOption("billing");
    await page.getByRole("button", { name: "Suspend" }).click();
    await page.getByText("Suspended: Something is not paid").waitFor();
    await owner.goto(panel.at("/overview"));
    assert.equal(new URL(owner.url()).pathname, "/login", "signed out at once");
    await act("Activate");
    await page.getByRole("button", { name: "Activate" }).click();
    await page.getByText("Activated.").waitFor();
    await act("Delete");
    if (script) {
      assert.ok(await page.getByRole("button", { name: "Delete" }).isDisabled(), "until the name is typed");
    } else {
      await page.getByRole("button", { name: "Delete" }).click();
      await page.locator("#e-confirm").waitFor();
    }
    await page.locator("#f-confirm").fill(name);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByText("in the trash", { exact: true }).waitFor();
    await act("Restore");
    await page.getByRole("button", { name: "Restore" }).click();
    await page.getByText("Restored.").waitFor();
  }),
  ["the list is searched, filtered and exported", async (panel) => {
    const page = await panel.visitor({ as: panel.admin });
    await page.goto(panel.at("/users?q=role%3Auser%20alice"));
    await page.getByRole("link", { name: "Alice Smith" }).waitFor();
    await page.getByText("Role: user").waitFor();
    await page.getByRole("link", { name: /Remove the filter/ }).click();
    await page.waitForURL("**/users?q=alice");
    await page.goto(panel.at("/users?q=colour%3Ared"));
    await page.getByText("can’t be understood").waitFor();
    const csv = await page.request.get(panel.at("/users.csv?q=alice"));
    assert.match(csv.headers()["content-disposition"], /users\.csv/);
    assert.match(await csv.text(), /"alice"/);
  }],
  ["the command bar finds users, pages and acts by the keyboard", async (panel) => {
    const page = await panel.visitor({ as: panel.admin });
    await page.goto(panel.at("/nodes"));
    await page.keyboard.press("Control+k");
    await page.keyboard.type("alice");
    await page.locator(".command a[data-found]").first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Alice" }).first().waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("role alice");
    await page.locator(".command a[data-found]").getByText("Change role: Alice").waitFor();
  }],
  ["what people type is shown as they typed it, and runs nowhere", async (panel) => {
    const page = await panel.visitor({ as: panel.admin });
    const name = fresh("xss");
    const script = `<img src=x onerror=alert(1)><script>alert(1)</script>`;
    await page.goto(panel.at("/users/new"));
    await fill(page, { Name: script, "Email address": `${name}@example.com`, Username: name, "Primary domain": `${name}.com` });
    await page.getByRole("button", { name: "Create user" }).click();
    await page.getByRole("heading", { name: "<img" }).waitFor();
    page.on("dialog", () => assert.fail("a script ran"));
    for (const path of [`/users?q=${name}`, "/activity", `/search?q=${name}`]) {
      await page.goto(panel.at(path));
      assert.equal(await page.locator("main img").count(), 0, path);
    }
    assert.deepEqual(page.said, []);
  }],
];
