/** The version in package.json; a unit test compares the two. */
export const version = "0.1.0";
