use std::fmt;

/// The three digits of a response ([RFC 2326 §7.1.1](https://www.rfc-editor.org/rfc/rfc2326#section-7.1.1)).
///
/// 463 is [RFC 4567 §3.2](https://www.rfc-editor.org/rfc/rfc4567#section-3.2)'s; RTSP 2.0 has 466 for it.
///
/// The parser gives 100 to 999; a code that has no constant here is a number like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(pub u16);

/// One row per code: its constant, its number, the RFC's reason phrase.
macro_rules! status_codes {
    ($($name:ident $code:literal $reason:literal,)*) => {
        impl StatusCode {
            $(#[doc = concat!($code, " ", $reason)] pub const $name: Self = Self($code);)*

            /// The RFC's reason phrase, empty for a code that it does not have.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "",
                }
            }
        }
    };
}

status_codes! {
    OK 200 "OK",
    MOVED_PERMANENTLY 301 "Moved Permanently",
    FOUND 302 "Found",
    SEE_OTHER 303 "See Other",
    USE_PROXY 305 "Use Proxy",
    TEMPORARY_REDIRECT 307 "Temporary Redirect",
    BAD_REQUEST 400 "Bad Request",
    UNAUTHORIZED 401 "Unauthorized",
    FORBIDDEN 403 "Forbidden",
    NOT_FOUND 404 "Not Found",
    METHOD_NOT_ALLOWED 405 "Method Not Allowed",
    PROXY_AUTHENTICATION_REQUIRED 407 "Proxy Authentication Required",
    REQUEST_ENTITY_TOO_LARGE 413 "Request Entity Too Large",
    PARAMETER_NOT_UNDERSTOOD 451 "Parameter Not Understood",
    NOT_ENOUGH_BANDWIDTH 453 "Not Enough Bandwidth",
    SESSION_NOT_FOUND 454 "Session Not Found",
    METHOD_NOT_VALID_IN_THIS_STATE 455 "Method Not Valid in This State",
    HEADER_FIELD_NOT_VALID 456 "Header Field Not Valid for Resource",
    INVALID_RANGE 457 "Invalid Range",
    AGGREGATE_OPERATION_NOT_ALLOWED 459 "Aggregate Operation Not Allowed",
    UNSUPPORTED_TRANSPORT 461 "Unsupported Transport",
    KEY_MANAGEMENT_FAILURE 463 "Key Management Failure",
    KEY_MANAGEMENT_ERROR 466 "Key Management Error",
    INTERNAL_SERVER_ERROR 500 "Internal Server Error",
    NOT_IMPLEMENTED 501 "Not Implemented",
    SERVICE_UNAVAILABLE 503 "Service Unavailable",
    VERSION_NOT_SUPPORTED 505 "RTSP Version Not Supported",
    OPTION_NOT_SUPPORTED 551 "Option not supported",
}

impl StatusCode {
    /// 200 to 299.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.0)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}
