/** A bundle that is damaged, of another version, or not a bundle. */
export class BundleError extends Error {
  override readonly name = "BundleError";

  /** What every damaged bundle needs is the same. */
  static broken(what: string): BundleError {
    return new BundleError(`${what}; make the bundle again with \`fer-export bundle\``);
  }
}
