/** Image tables, part of the first migration. */
export const imageTables = ``;
