/** "1 policy", "2 policies": `many` where it is not `one` with an s. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
