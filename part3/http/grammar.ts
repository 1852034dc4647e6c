/**
 * How HTTP/1.1 is spelled: the rule of the RFC above each RegExp. They take text decoded as latin-1, one char for
 * each byte, and know neither what a message means nor what is done about one that is misspelled.
 *
 * None backtracks more than once over what it reads: a pattern that takes quadratic time is a way to stall us.
 */

/** tchar = "!" / "#" / "$" / ... / DIGIT / ALPHA; RFC 9110 §5.6.2 */
const TCHAR = "!#$%&'*+.^_`|~0-9A-Za-z-";
/** VCHAR = %x21-7E; RFC 5234. obs-text = %x80-FF, for old field values; RFC 9110 §5.5 */
const VCHAR = '!-~';
const OBS_TEXT = '\\x80-\\xff';
/** OWS = *( SP / HTAB ), optional. BWS is the same where it is bad style; RFC 9110 §5.6.3 */
const OWS = '[\\t ]*';
const token = `[${TCHAR}]+`;

// What can never stand where it stands: seen before the line has an end, it is refused there and then.

/** in a method */
export const NOT_TCHAR = new RegExp(`[^${TCHAR}]`);
/** in a request target. RFC 3986 knows no bytes from 0x80 on: each proxy would guess another encoding. */
export const NOT_VCHAR = new RegExp(`[^${VCHAR}]`);
/** in a line, whose LF is taken off: control characters other than HTAB, and a CR that is not its last */
export const NOT_IN_LINE = new RegExp(`[^\\t\\r ${VCHAR}${OBS_TEXT}]|\\r(?!$)`);

// request-line = method SP request-target SP HTTP-version; RFC 9112 §3

/** HTTP-version = "HTTP" "/" DIGIT "." DIGIT, in capitals; RFC 9112 §2.3 */
export const HTTP_VERSION = /^HTTP\/\d\.\d$/;
/** origin-form = absolute-path [ "?" query ]; RFC 9112 §3.2.1. A fragment is never sent: no "#". */
export const ORIGIN_FORM = /^(\/[^?#]*)(?:\?([^#]*))?$/;
/** absolute-form = "http" [ "s" ] "://" authority path-abempty [ "?" query ]; RFC 9112 §3.2.2 */
export const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/i;

// Field lines; RFC 9112 §5

/**
 * field-line = field-name ":" OWS field-value OWS; no space before the colon, no folding. Here its beginning:
 * the characters behind it have been judged when the line was taken.
 */
export const FIELD_LINE = new RegExp(`^${token}:`);

/** reg-name = *( unreserved / pct-encoded / sub-delims ); RFC 3986 §3.2.2. No comma: two Host lines, once joined, have one. */
const regName = "(?:[\\w.~!$&'()*+;=-]|%[\\dA-Fa-f]{2})+";
/** IP-literal = "[" IPv6address "]", its groups not counted: whoever uses the address will */
const ipLiteral = '\\[[\\dA-Fa-f]*:[\\dA-Fa-f]*:[\\dA-Fa-f:.]*\\]';
/** Host = uri-host [ ":" port ]; RFC 9110 §7.2. Here with a uri-host: "http" allows no empty one; §4.2.1 */
export const HOST = new RegExp(`^(?:${regName}|${ipLiteral})(?::\\d{0,5})?$`);

/** Connection = #connection-option; RFC 9110 §7.6.1 */
export const HAS_CLOSE = hasMember('close');
export const HAS_KEEP_ALIVE = hasMember('keep-alive');

// Framing; RFC 9112 §6 and §7

/** Content-Length = 1*DIGIT; RFC 9110 §8.6 */
export const CONTENT_LENGTH = /^\d+$/;
/** transfer-coding = token, and the last one "chunked"; RFC 9112 §6.1. Case-insensitive, as §7 says. */
export const CODINGS_THEN_CHUNKED = new RegExp(`^(?:${token}${OWS},${OWS})+chunked$`, 'i');

/** quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE; RFC 9110 §5.6.4 */
const quotedString = `"(?:[\\t !#-\\[\\]-~${OBS_TEXT}]|\\\\[\\t ${VCHAR}${OBS_TEXT}])*"`;
/** chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ); RFC 9112 §7.1.1 */
const chunkExt = `(?:${OWS};${OWS}${token}(?:${OWS}=${OWS}(?:${token}|${quotedString}))?)*`;
/** chunk-size [ chunk-ext ]; chunk-size = 1*HEXDIG, of which 16 fill the 64 bits that others count in */
export const CHUNK_LINE = new RegExp(`^([\\dA-Fa-f]{1,16})${chunkExt}$`);

/** A list that has the option among others, whatever its letter case. */
function hasMember(option: string): RegExp {
  return new RegExp(`(?:^|,)${OWS}${option}${OWS}(?:,|$)`, 'i');
}
