//! The vectors of RFC 3711 and RFC 7714.
