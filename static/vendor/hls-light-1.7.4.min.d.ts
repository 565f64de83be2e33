// The script names itself on `window` (see ../types.d.ts); for the type checker there is nothing to import.
export {};
