import { assert, fresh } from "../panel.mjs";
import { eachWay } from "./sign-in.mjs";

export const hosting = [
  ...eachWay("an owner adds a domain and is told how to prove it", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.user });
    const name = `${fresh("own")}.com`;
    await page.goto(panel.at("/sites"));
    await page.getByLabel("Domain").fill("nonsense");
    await page.getByRole("button", { name: "Add a domain" }).click();
    await page.locator("#e-domain").waitFor();
    await page.getByLabel("Domain").fill(name);
    await page.getByRole("button", { name: "Add a domain" }).click();
    await page.getByText("Added.").waitFor();
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByText(`_berth.${name}`).waitFor();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByText("Removed.").waitFor();
    assert.equal(await page.getByText(name).count(), 0);
  }),
  ...eachWay("a timer is added, refused when it is wrong, and removed", async (panel, script) => {
    const page = await panel.visitor({ script, as: panel.user });
    const name = fresh("timer");
    await page.goto(panel.at("/timers"));
    const add = async (schedule) => {
      await page.getByLabel("Name").fill(name);
      await page.getByLabel("Schedule").fill(schedule);
      await page.getByLabel("Command").fill("true");
      await page.getByRole("button", { name: "Add a timer" }).click();
    };
    await add("whenever");
    await page.locator("#e-schedule").waitFor();
    await add("@daily");
    await page.getByText("Added.").waitFor();
    await page.getByRole("row", { name: new RegExp(name) }).getByRole("button", { name: "Remove" }).click();
    await page.getByText("Removed.").waitFor();
  }),
  ["a key that is none is refused beside the field", async (panel) => {
    const page = await panel.visitor({ as: panel.user });
    await page.goto(panel.at("/keys"));
    await page.getByLabel("Public key").fill("ssh-rsa nonsense");
    await page.getByRole("button", { name: "Add a key" }).click();
    await page.locator("#e-key").waitFor();
  }],
  ["the audit log is whole", async (panel) => {
    const page = await panel.visitor({ as: panel.admin });
    await page.goto(panel.at("/audit"));
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByText(/entries are whole/).waitFor();
  }],
];
