import { type Contract, type DetectorRule, readContract } from "./contract.js";
import { BundleError } from "./errors.js";
import { Golden } from "./golden.js";
import { Manifest, type Variant } from "./manifest.js";
import { textOf } from "./text.js";

/** Reads a file of a bundle: a path relative to it, with slashes, to bytes; rejects where there is no such file. */
export type Source = (path: string) => Promise<Uint8Array>;

/** All an app needs: contract, models, detectors and golden vectors; every file is checked as it is read. */
export class Bundle {
  private constructor(
    readonly manifest: Manifest,
    readonly contract: Contract,
    private readonly source: Source,
  ) {}

  /** Reads manifest and contract; throws a {@link BundleError} for a newer version, a misfit field or a changed file. */
  static async open(source: Source): Promise<Bundle> {
    const manifest = Manifest.read(await content(source, "manifest.json"));
    const contract = await content(source, "contract.json");
    await manifest.check("contract.json", contract);
    return new Bundle(manifest, readContract(textOf(contract)), source);
  }

  /** A file's bytes; throws a {@link BundleError} where it is missing, or not the one that the manifest lists. */
  async read(file: string): Promise<Uint8Array> {
    const found = await content(this.source, file);
    await this.manifest.check(file, found);
    return found;
  }

  /** A variant's file. */
  model(variant: Variant): Promise<Uint8Array> {
    return this.read(variant.file);
  }

  /** A detector's file; throws a {@link BundleError} where it is not the one that the contract was made for. */
  async detector(rule: DetectorRule): Promise<Uint8Array> {
    const file = `detectors/${rule.file}`;
    const found = await this.read(file);
    if (this.manifest.sha256(file) !== rule.sha256) {
      throw BundleError.broken(`${file} is not the detector that contract.json names`);
    }
    return found;
  }

  /** The photos of the golden vectors and what must come out of them. */
  async golden(): Promise<Golden> {
    return Golden.read(textOf(await this.read("golden/golden.json")), this.contract);
  }
}

async function content(source: Source, file: string): Promise<Uint8Array> {
  try {
    return await source(file);
  } catch (missing) {
    throw new BundleError(`the bundle has no ${file} here: ${(missing as Error).message}`);
  }
}
