import { defineConfig } from "vitest/config";

/**
 * Two projects: `unit` (vectors, one engine, simulation, architecture; runs anywhere) and `lab` (real namespaces,
 * sockets, peers; one file after another, since they share the machine's two cores). docs/testing.md tells which runs where.
 */
export default defineConfig({
  test: {
    pool: "forks",
    reporters: ["default"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "test/unit/**/*.test.ts"],
          exclude: ["**/*.lab.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "lab",
          include: ["packages/*/test/**/*.lab.test.ts", "test/lab/**/*.lab.test.ts"],
          fileParallelism: false,
          // Real time, real processes, two cores: one second chance, which the report shows.
          retry: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
