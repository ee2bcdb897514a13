export const REFUSALS: readonly (readonly [RegExp, (...parts: string[]) => string])[] = []
