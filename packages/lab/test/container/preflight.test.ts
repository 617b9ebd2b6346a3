/** What a user mistypes in an environment file is said in one line with what would be right. */
import { describe, expect, test } from "vitest";
import { readEnvironment } from "../../src/container/preflight.ts";
import type { LabError } from "../../src/lab-error.ts";

const good = { TANDEM_TOPOLOGY: "dual-redundancy" };

function refusalOf(env: NodeJS.ProcessEnv): LabError {
  try {
    readEnvironment(env);
  } catch (error) {
    return error as LabError;
  }
  throw new Error("it was accepted");
}

describe("the environment of a container", () => {
  test("defaults", () => {
    expect(readEnvironment(good)).toEqual({
      topology: "dual-redundancy",
      profile: "fast",
      router: "bird",
      subnet: "10.213",
      stateRoot: "/run/tandem",
    });
  });

  test.each([
    [{}, "TANDEM_TOPOLOGY is not set"],
    [{ ...good, TANDEM_PROFIL: "fast" }, "TANDEM_PROFIL is not known"],
    [{ ...good, TANDEM_PROFILE: "quick" }, "TANDEM_PROFILE=quick is not a profile"],
    [{ ...good, TANDEM_DEVICE: "cisco" }, "TANDEM_DEVICE=cisco is not known"],
    [{ ...good, TANDEM_ROUTER: "quagga" }, "TANDEM_ROUTER=quagga is not known"],
    [{ ...good, TANDEM_SUBNET: "10.213.0" }, "two octets are expected"],
    [{ ...good, TANDEM_SUBNET: "10.300" }, "two octets are expected"],
  ])("%o is refused: %s", (env, words) => {
    const { message } = refusalOf(env);
    expect(message).toContain(words);
    expect(message).not.toContain("\n");
  });
});
