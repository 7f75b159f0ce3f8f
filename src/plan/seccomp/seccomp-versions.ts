/** Part of every cache key: raise it when the same profile would compile to something else. */
export const seccompCompilerVersion = 1;

/** The beginning of the SHA-256 of `default-profile.json`, so that a cached program is found without reading it; held by a test. */
export const defaultProfileVersion = "abb9389080ea";
