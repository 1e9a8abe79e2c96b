import { describe, expect, test } from "vitest";
import { Bundle } from "../../src/core/bundle.js";
import { readContract } from "../../src/core/contract.js";
import { BundleError } from "../../src/core/errors.js";
import { sha256 } from "../../src/core/hash.js";
import { Manifest } from "../../src/core/manifest.js";
import { compareAnswers } from "../../src/core/selfCheck.js";
import { vectors } from "./vectors.js";

const AGAIN = "; make the bundle again with `fer-export bundle`";
const document = () => structuredClone(vectors.contract);

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(BundleError);
    return (error as Error).message;
  }
  throw new Error("was read");
}

describe("contract", () => {
  const refused = (wrong: unknown) => refusal(() => readContract(JSON.stringify(wrong)));

  test("reads every rule", () => {
    const contract = readContract(JSON.stringify(document()));
    expect(contract.labels).toEqual(["angry", "happy", "neutral"]);
    expect(contract.size).toBe(48);
    expect(contract.detectors.map(({ windows, margin }) => [windows, margin])).toEqual(
      vectors.contract.detectors.map(({ windows, margin }: Record<string, number>) => [windows, margin]));
    expect(contract.version).toBe(vectors.contract.version);
  });

  test("reads the versions before, whose rules stay theirs", () => {
    const { detectors, ...others } = document();
    const bare = detectors.map(({ windows, margin, ...rule }: Record<string, unknown>) => rule);
    const first = readContract(JSON.stringify({ ...others, merge: 300, version: 1, detectors: bare }));
    expect(first.detectors.every((rule) => rule.windows === 1 && rule.margin === 0)).toBe(true);
    expect([first.version, first.merge.cover]).toEqual([1, 300]);
  });

  test("names missing and foreign fields", () => {
    const { merge, ...lacking } = document();
    expect(merge).toBeDefined();
    expect(refused(lacking)).toBe(`contract.json lacks merge${AGAIN}`);
    const foreign = document();
    foreign.crop.margin = 1;
    expect(refused(foreign)).toBe(`crop has the foreign field margin${AGAIN}`);
  });

  test("asks for an update where the version is newer, and refuses another document", () => {
    expect(refused({ ...document(), version: 4, unheard_of: 1 })).toMatch(
      /^contract.json is of version 4 and this app reads up to 3; update the app/);
    expect(refused({ ...document(), format: "another" })).toMatch("not a fer-export photo contract");
    expect(refusal(() => readContract("{"))).toMatch("not a JSON document");
  });

  test.each([
    ["size", "48"], ["size", 0], ["size", 48.5], ["size", 2 ** 40], ["labels", 7], ["labels", [1]], ["labels", []],
    ["crop", []], ["detectors", {}], ["merge", true], ["resize", "cubic"], ["input_type", "int8"],
    ["output_type", "int8"], ["input_name", null], ["grey", { red: 1, green: 1, blue: 1, shift: 16 }],
  ])("refuses %s %j", (name, value) => {
    expect(refused({ ...document(), [name as string]: value }).indexOf(name as string)).toBe(0);
  });
});

describe("manifest and bundle", () => {
  const zeros = "0".repeat(64);
  const contract = new TextEncoder().encode(JSON.stringify(vectors.contract));
  const variant = {
    file: "models/a-int8.tflite", format: "tflite", precision: "int8", input_kind: "gray", accuracy: null, agreement: {},
  };

  function manifest(changed: Record<string, unknown> = {}): Uint8Array {
    const files = { "contract.json": { sha256: sha256(contract), bytes: contract.length } };
    const fields = {
      format: "fer-export bundle", version: 1, model: "a", default: variant.file, variants: [variant], checkpoint: {},
      calibration: {}, versions: {}, files, ...changed, digest: zeros,
    };
    const blank = JSON.stringify(fields);
    return new TextEncoder().encode(blank.replace(zeros, sha256(new TextEncoder().encode(blank))));
  }

  test("reads variants and checks files", async () => {
    const files = new Map([["manifest.json", manifest()], ["contract.json", contract]]);
    const source = (path: string) => {
      const found = files.get(path);
      return found ? Promise.resolve(found) : Promise.reject(new Error("404"));
    };
    const bundle = await Bundle.open(source);
    expect(bundle.manifest.preferred.file).toBe(variant.file);
    await expect(bundle.read("models/a-int8.tflite")).rejects.toThrow("the bundle has no models/a-int8.tflite here");
    files.set("contract.json", contract.map((byte, at) => (at === 9 ? byte ^ 1 : byte)));
    await expect(Bundle.open(source)).rejects.toThrow("contract.json is not the manifest's file");
  });

  test("refuses a changed manifest, another input and a place outside", () => {
    const changed = manifest();
    changed[changed.indexOf("a".charCodeAt(0))]! ^= 2;
    expect(() => Manifest.read(changed)).toThrow(BundleError);
    expect(refusal(() => Manifest.read(manifest({ variants: [{ ...variant, input_kind: "rgb" }] })))).toMatch("takes rgb");
    expect(refusal(() => Manifest.read(manifest({ default: "b" })))).toMatch("lists no variant b");
    expect(refusal(() => Manifest.read(manifest({ files: { "../a": { sha256: "1".repeat(64), bytes: 1 } } })))).toMatch(
      "not a place inside a bundle");
  });
});

describe("answers", () => {
  const expected = {
    file: "a", kernels: "here", tolerance: 0.01, elsewhere: 0.1, probabilities: [Float32Array.of(0.6, 0.4)],
  };
  const compare = (kernels: string, ...answer: number[]) =>
    compareAnswers(expected, kernels, [Float32Array.from(answer)]);

  test("must be within the tolerance of their kernels", () => {
    expect(compare("here", 0.6, 0.4)).toMatchObject({ agreement: 1, within_tolerance: true, largest_difference: 0 });
    expect(compare("here", 0.55, 0.45).within_tolerance).toBe(false);
    expect(compare("there", 0.55, 0.45).within_tolerance).toBe(true);
  });

  test("must name the same label, and be numbers", () => {
    expect(compare("there", 0.52, 0.53)).toMatchObject({ agreement: 0, within_tolerance: false });
    expect(compare("here", NaN, 0.4).within_tolerance).toBe(false);
    expect(compare("here", 0.6).within_tolerance).toBe(false);
  });
});
