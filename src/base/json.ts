/** Plain data as JSON keeps it: what a connector or a step puts into a manifest, opaque to everyone else. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
