// The browser suite: node suite.mjs NODE_MODULES, with what it needs to know in the environment.
//
// A check is a sentence and a function. Each line of the output is one check; the last line counts them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Panel } from "./panel.mjs";
import { accessibility } from "./checks/accessibility.mjs";
import { hosting } from "./checks/hosting.mjs";
import { people } from "./checks/people.mjs";
import { signIn } from "./checks/sign-in.mjs";

const settings = {
  modules: process.argv[2],
  url: process.env.BERTH_URL,
  address: process.env.BERTH_ADDRESS,
  admin: { name: process.env.BERTH_ADMIN, password: process.env.BERTH_ADMIN_PASSWORD },
  user: { name: process.env.BERTH_USER, password: process.env.BERTH_USER_PASSWORD },
  pictures: process.env.BERTH_PICTURES,
  only: process.env.BERTH_ONLY ?? "",
  chromium: process.env.BERTH_CHROMIUM ?? "/usr/bin/chromium",
};
mkdirSync(settings.pictures, { recursive: true });

const panel = await Panel.open(settings);
const checks = [...signIn, ...people, ...hosting, ...accessibility].filter(([name]) =>
  name.includes(settings.only),
);
let passed = 0;
let failed = 0;
for (const [name, check] of checks) {
  const since = performance.now();
  let problem;
  try {
    await check(panel);
  } catch (error) {
    problem = error;
    await panel.photograph(join(settings.pictures, "..", "failed.png"));
  }
  await panel.close();
  const seconds = ((performance.now() - since) / 1000).toFixed(1).padStart(6);
  if (problem) {
    failed += 1;
    console.log(`  FAIL  ${seconds} s  ${name}\n        ${String(problem.stack ?? problem).replaceAll("\n", "\n        ")}`);
  } else {
    passed += 1;
    console.log(`  ok    ${seconds} s  ${name}`);
  }
}
await panel.end();
console.log(JSON.stringify({ passed, failed }));
process.exit(failed ? 1 : 0);
