import { BundleError } from "./errors.js";

/** The fields of one JSON object, which must be exactly those expected; every misfit is a {@link BundleError}. */
export class Fields {
  private constructor(
    private readonly values: Record<string, unknown>,
    private readonly place: string,
  ) {}

  /** The object under `value`, with exactly the named fields. */
  static of(value: unknown, place: string, ...names: string[]): Fields {
    if (!isObject(value)) throw BundleError.broken(`${place} is not an object of fields`);
    const missing = names.filter((name) => !Object.hasOwn(value, name)).sort();
    if (missing.length) throw BundleError.broken(`${place} lacks ${missing.join(", ")}`);
    const foreign = Object.keys(value).filter((name) => !names.includes(name)).sort();
    if (foreign.length) throw BundleError.broken(`${place} has the foreign field ${foreign.join(", ")}`);
    return new Fields(value, place);
  }

  /** A whole document; its `format` and `version` are looked at first, for the clearer message. */
  static document(value: unknown, place: string, format: string, version: number, ...names: string[]): Fields {
    checkVersion(value, place, format, version, version);
    return Fields.of(value, place, ...names, "format", "version");
  }

  any(name: string): unknown {
    return this.values[name];
  }

  text(name: string): string {
    const value = this.values[name];
    if (typeof value !== "string") throw this.misfit(name);
    return value;
  }

  /** A whole number within 32 bits, not below `least`. */
  whole(name: string, least = -(2 ** 31)): number {
    return this.asWhole(this.values[name], name, least);
  }

  number(name: string): number {
    const value = this.values[name];
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.misfit(name);
    return value;
  }

  list(name: string): unknown[] {
    const value = this.values[name];
    if (!Array.isArray(value)) throw this.misfit(name);
    return value;
  }

  object(name: string): Record<string, unknown> {
    const value = this.values[name];
    if (!isObject(value)) throw this.misfit(name);
    return value;
  }

  texts(name: string): string[] {
    return this.list(name).map((value) => {
      if (typeof value !== "string") throw this.misfit(name);
      return value;
    });
  }

  /** A list of exactly `length` whole numbers. */
  wholes(name: string, length: number): number[] {
    const found = this.list(name);
    if (found.length !== length) throw this.misfit(name);
    return found.map((value) => this.asWhole(value, name));
  }

  /** Rows of exactly `columns` numbers, as float32. */
  table(name: string, columns: number): Float32Array[] {
    return this.list(name).map((row) => {
      if (!Array.isArray(row) || row.length !== columns || !row.every(Number.isFinite)) throw this.misfit(name);
      return Float32Array.from(row as number[]);
    });
  }

  private asWhole(value: unknown, name: string, least = -(2 ** 31)): number {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) >= 2 ** 31) throw this.misfit(name);
    return value as number;
  }

  private misfit(name: string): BundleError {
    const shown = JSON.stringify(this.values[name]) ?? "missing";
    return BundleError.broken(`${name} of ${this.place} is ${shown.length > 60 ? `${shown.slice(0, 60)}...` : shown}`);
  }
}

/** Throws a {@link BundleError} unless a document is of this format and of a version from `oldest` to `newest`. */
export function checkVersion(value: unknown, place: string, format: string, oldest: number, newest: number): number {
  const document: Record<string, unknown> = isObject(value) ? value : {};
  if (document.format !== format) {
    throw new BundleError(`${place} is not a ${format}; pass a folder made by \`fer-export bundle\``);
  }
  const version = document.version;
  if (typeof version !== "number" || !Number.isInteger(version) || version < oldest || version > newest) {
    throw new BundleError(
      `${place} is of version ${String(version)} and this app reads ${oldest === newest ? newest : `up to ${newest}`};` +
        " update the app, or make the bundle again with `fer-export bundle`",
    );
  }
  return version;
}

/** The value of a JSON text. */
export function parsed(json: string, place: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw BundleError.broken(`${place} is not a JSON document`);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
