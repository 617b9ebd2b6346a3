import { describe, expect, it } from "vitest";
import type { EspProposal, IkeProposal } from "../src/config.ts";
import { CLOUD_ESP_PROPOSALS } from "../src/default-proposals.ts";
import {
  acceptEspAnswer,
  acceptIkeAnswer,
  chooseEspProposal,
  chooseIkeProposal,
  espAnswer,
  espWireProposals,
  explainMismatch,
  ikeAnswer,
  ikeWireProposals,
  proposalLabel,
} from "../src/proposal.ts";

const cbc: IkeProposal = {
  encryption: [
    { name: "aes-cbc", keyBits: 256 },
    { name: "aes-cbc", keyBits: 128 },
  ],
  integrity: ["hmac-sha256-128", "hmac-sha1-96"],
  prf: ["prf-hmac-sha256"],
  groups: ["ecp256", "modp2048"],
};
const gcm: IkeProposal = { ...cbc, encryption: [{ name: "aes-gcm-16", keyBits: 256 }], integrity: [] };

describe("choosing an IKE proposal", () => {
  it("follows our preference, and the KE payload within one proposal", () => {
    const theirs = ikeWireProposals([cbc, gcm]);
    expect(chooseIkeProposal([gcm, cbc], theirs)!.suite).toMatchObject({
      encryption: "aes-gcm-16",
      group: "ecp256",
    });
    expect(chooseIkeProposal([gcm, cbc], theirs, 14)!.suite.group).toBe("modp2048");
    expect(chooseIkeProposal([gcm, cbc], theirs, 99)!.suite.group).toBe("ecp256");
  });

  it("answers with the peer's number and one transform of each type, which the peer accepts", () => {
    const offered = ikeWireProposals([gcm, cbc]);
    const answer = ikeAnswer(chooseIkeProposal([cbc], offered)!, "0011223344556677");
    expect(answer.number).toBe(2);
    expect(proposalLabel(answer)).toBe("AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256");
    expect(acceptIkeAnswer([answer], offered)).toMatchObject({ encryption: "aes-cbc", keyBits: 256 });
  });

  it.each([
    ["two proposals", (a: ReturnType<typeof ikeAnswer>) => [a, a]],
    ["a number that was not offered", (a: ReturnType<typeof ikeAnswer>) => [{ ...a, number: 9 }]],
    [
      "a transform that was not offered",
      (a: ReturnType<typeof ikeAnswer>) => [
        { ...a, transforms: [...a.transforms.slice(1), { type: 1, id: 12, keyBits: 192 }] },
      ],
    ],
    [
      "two transforms of one type",
      (a: ReturnType<typeof ikeAnswer>) => [{ ...a, transforms: [...a.transforms, a.transforms[0]!] }],
    ],
  ])("an answer with %s is refused", (_name, change) => {
    const offered = ikeWireProposals([cbc]);
    const answer = ikeAnswer(chooseIkeProposal([cbc], offered)!);
    expect(acceptIkeAnswer(change(answer), offered)).toBeUndefined();
  });

  it("passes over proposals with transform types or attributes that are unknown (RFC 7296 §3.3.6)", () => {
    const [plain] = ikeWireProposals([cbc]);
    const withType = { ...plain!, transforms: [...plain!.transforms, { type: 6, id: 35 }] };
    expect(chooseIkeProposal([cbc], [withType])).toBeUndefined();
    const odd = { ...plain!, transforms: plain!.transforms.map((t) => ({ ...t, unknownAttribute: true })) };
    expect(chooseIkeProposal([cbc], [odd])).toBeUndefined();
    expect(chooseIkeProposal([cbc], [withType, { ...plain!, number: 2 }])!.offered.number).toBe(2);
  });
});

describe("choosing an ESP proposal", () => {
  const esp = (groups: EspProposal["groups"], esn: readonly boolean[] = [false]): EspProposal => ({
    encryption: [{ name: "aes-gcm-16", keyBits: 128 }],
    integrity: [],
    groups,
    esn,
  });
  const wire = (p: EspProposal, pfs: boolean) => espWireProposals([p], "01020304", pfs);

  it.each([
    ["no PFS on both sides", esp(["none"]), esp(["none"]), "none"],
    ["PFS on both sides", esp(["ecp256"]), esp(["ecp256"]), "ecp256"],
    ["PFS wanted here and not offered", esp(["ecp256"]), esp(["none"]), undefined],
    ["PFS offered and not accepted here", esp(["none"]), esp(["ecp256"]), undefined],
    ["PFS either way", esp(["none", "ecp256"]), esp(["ecp256"]), "ecp256"],
    ["none preferred where both are offered", esp(["none", "ecp256"]), esp(["ecp256", "none"]), "none"],
  ] as const)("%s", (_name, ours, theirs, group) => {
    expect(chooseEspProposal([ours], wire(theirs, true), true)?.suite.group).toBe(group);
    // IKE_AUTH knows no groups.
    expect(chooseEspProposal([ours], wire(theirs, false), false)?.suite.group).toBe("none");
  });

  it("settles extended sequence numbers, absent meaning none", () => {
    const [offer] = wire(esp(["none"], [true, false]), false);
    expect(chooseEspProposal([esp(["none"], [false])], [offer!], false)!.suite.esn).toBe(false);
    expect(chooseEspProposal([esp(["none"], [true])], [offer!], false)!.suite.esn).toBe(true);
    const silent = { ...offer!, transforms: offer!.transforms.filter((t) => t.type !== 5) };
    expect(chooseEspProposal([esp(["none"], [false])], [silent], false)!.suite.esn).toBe(false);
    expect(chooseEspProposal([esp(["none"], [true])], [silent], false)).toBeUndefined();
    const answer = espAnswer(chooseEspProposal([esp(["none"], [true])], [offer!], false)!, "0a0b0c0d");
    expect(acceptEspAnswer([answer], [offer!])!.esn).toBe(true);
  });

  it("accepts each of the cloud's 26 combinations as responder", () => {
    for (const p of CLOUD_ESP_PROPOSALS.accept)
      expect(chooseEspProposal(CLOUD_ESP_PROPOSALS.accept, wire(p, true), true)?.suite).toMatchObject({
        encryption: p.encryption[0]!.name,
        integrity: p.integrity[0] ?? "none",
        group: p.groups[0],
      });
  });

  it("does not repeat in IKE_AUTH what differs in the group only", () => {
    expect(espWireProposals(CLOUD_ESP_PROPOSALS.accept, "", false).length).toBeLessThan(10);
  });
});

it("a mismatch is explained by the pair that comes closest", () => {
  const far = ikeWireProposals([{ ...gcm, prf: ["prf-hmac-sha512"], groups: ["modp3072"] }]);
  const near = ikeWireProposals([{ ...cbc, groups: ["modp1024"] }]);
  expect(explainMismatch(ikeWireProposals([cbc]), [...far, ...near])).toEqual([
    "key exchange: peer MODP_1024, here ECP_256|MODP_2048",
  ]);
});
