import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/unit/**/*.test.ts"],
    pool: "forks",
    testTimeout: 20_000,
  },
});
