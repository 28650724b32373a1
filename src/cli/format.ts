/** `192.0.2.1:80`, `[2001:db8::1]:80`; without a port the address. */
export function formatEnd(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
