// How the README's example runs in its test: with the Chromium that the repository's other tests found.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: "line",
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH,
      args: (process.env.CHROMIUM_ARGUMENTS ?? "").split("\n").filter(Boolean),
    },
  },
});
