declare const WHERRY_VERSION: string;
declare const WHERRY_COMMIT: string;

/** What this program was built from; `scripts/build.mjs` puts the values in. Run from its sources it says so. */
export const buildInfo: { readonly version: string; readonly commit: string } = {
  version: typeof WHERRY_VERSION === "undefined" ? "0.0.0-source" : WHERRY_VERSION,
  commit: typeof WHERRY_COMMIT === "undefined" ? "" : WHERRY_COMMIT,
};
