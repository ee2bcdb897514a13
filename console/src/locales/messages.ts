/** A catalogue in another language has the texts of the English one, no more and no fewer: the compiler sees to it. */
export type Like<T> = { readonly [K in keyof T]: T[K] extends string ? string : Like<T[K]> }
