/** What the gateway writes in the place of a command or a value that the reader may not see. */
export const HIDDEN = '***'
