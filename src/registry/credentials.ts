/** What a user is known by at a registry. */
export type RegistryCredentials =
  | { readonly username: string; readonly password: string }
  /** A refresh token of a token service, what `docker login` calls an identity token. */
  | { readonly identityToken: string }
  /** Sent as it is. */
  | { readonly registryToken: string };
