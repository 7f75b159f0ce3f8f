declare const brand: unique symbol;

/**
 * A file name, path or other kernel string as raw bytes: one character (U+0000 to U+00FF) a byte, "latin1". Names in tars and
 * file systems need not be UTF-8; this form loses nothing, compares by bytes, and serves as a key.
 */
export type ByteString = string & { readonly [brand]: "ByteString" };

/** The bytes of `text` in UTF-8. */
export function encodeText(text: string): ByteString {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) return Buffer.from(text, "utf8").toString("latin1") as ByteString;
  }
  return text as ByteString;
}

/** For people: read as UTF-8, what is not becomes U+FFFD. Not to be used as a name again. */
export function decodeText(bytes: ByteString): string {
  for (let at = 0; at < bytes.length; at++) {
    if (bytes.charCodeAt(at) > 0x7f) return Buffer.from(bytes, "latin1").toString("utf8");
  }
  return bytes;
}

export function bytesOf(text: ByteString): Buffer {
  return Buffer.from(text, "latin1");
}

export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1") as ByteString;
}
