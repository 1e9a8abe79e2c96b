declare module "virtual:bundles" {
  /** Folders of public/bundles, the one to start with first. */
  const names: string[];
  export default names;
  /** The files that the first picture needs. */
  export const needed: string[];
}
