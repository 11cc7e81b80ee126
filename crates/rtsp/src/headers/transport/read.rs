use super::{
    ConnectionUse, Delivery, KeyMaterial, LowerTransport, Rtsp2Parameters, Setup, Transport, TransportMode,
};
use crate::headers::HeaderError;
use crate::headers::grammar::{Parts, Value, hex_number, is_terminated, number, unquote};
use crate::{Reading, Tolerance};

impl Transport {
    /// [`parse_list`](Self::parse_list) under a policy.
    ///
    /// Parameters may come in any order, before the specification as well (Q22), and after a comma (Q23); those that are
    /// unreadable count as absent. Without `unicast` and `multicast` it is unicast, and with `interleaved` TCP (Q20).
    pub fn read_list(value: &str, reading: &mut Reading) -> Result<Vec<Self>, HeaderError> {
        let mut read = Value::new::<Self>(value, reading);
        let mut offers: Vec<Offer> = Vec::new();
        let mut stray = Vec::new();
        for (separator, part) in Parts::new(value, &[';', ',']) {
            if let Some(offer) = Offer::begin(part, &mut read)? {
                if separator == Some(';') {
                    read.tolerate(Tolerance::TransportOrder, part)?;
                }
                offers.push(offer);
                continue;
            }
            let Some(offer) = offers.last_mut() else {
                stray.push(part);
                continue;
            };
            match (separator, part) {
                (Some(','), "") => continue,
                (Some(','), _) => read.tolerate(Tolerance::TransportComma, part)?,
                _ => {}
            }
            offer.read_parameter(part, &mut read)?;
        }
        let Some(first) = offers.first_mut() else {
            return Err(read.fault("no transport specification", value));
        };
        for part in stray.into_iter().filter(|part| !part.is_empty()) {
            read.tolerate(Tolerance::TransportOrder, part)?;
            first.read_parameter(part, &mut read)?;
        }
        offers.into_iter().map(|offer| offer.finish(&mut read)).collect()
    }
}

/// A transport while it is read.
struct Offer<'v> {
    specification: &'v str,
    delivery: Option<Delivery>,
    transport: Transport,
}

impl<'v> Offer<'v> {
    /// `RTP/AVP` and what may follow it; `None` for what is a parameter.
    fn begin(part: &'v str, value: &mut Value<'_, '_>) -> Result<Option<Self>, HeaderError> {
        let mut words = part.splitn(3, '/').map(str::trim);
        let (Some(protocol), Some(profile), lower) = (words.next(), words.next(), words.next()) else {
            return Ok(None);
        };
        if part.contains(['=', '"']) || protocol.is_empty() || profile.is_empty() {
            return Ok(None);
        }
        let is_tcp = lower.is_some_and(|lower| lower.eq_ignore_ascii_case("tcp"));
        if lower.is_some_and(|lower| !is_tcp && !lower.eq_ignore_ascii_case("udp")) {
            value.tolerate(Tolerance::TransportParameter, part)?;
        }
        Ok(Some(Self {
            specification: part,
            delivery: None,
            transport: Transport {
                lower: if is_tcp {
                    LowerTransport::Tcp
                } else {
                    LowerTransport::Udp
                },
                profile: format!("{protocol}/{profile}"),
                ..Transport::default()
            },
        }))
    }

    fn read_parameter(&mut self, part: &str, value: &mut Value<'_, '_>) -> Result<(), HeaderError> {
        let transport = &mut self.transport;
        let (name, raw) = part.split_once('=').unwrap_or((part, ""));
        let raw = raw.trim();
        let name = name.trim().to_ascii_lowercase();
        let is_list = matches!(name.as_str(), "dest_addr" | "src_addr");
        let word = if is_list {
            String::new()
        } else {
            unquote(raw, value)?
        };
        let word = word.trim();
        let is_readable = match name.as_str() {
            "unicast" => set(&mut self.delivery, Some(Delivery::Unicast)),
            "multicast" => set(&mut self.delivery, Some(Delivery::Multicast)),
            "destination" => set(&mut transport.destination, Some(word.to_owned())),
            "source" => set(
                &mut transport.source,
                Some(word.to_owned()).filter(|word| !word.is_empty()),
            ),
            "layers" => set(&mut transport.layers, number(word)),
            "append" => set(&mut transport.append, true),
            "interleaved" => set(&mut transport.interleaved, channels(word)),
            "ttl" => set(&mut transport.ttl, number(word)),
            "port" => set(&mut transport.port, pair(word)),
            "client_port" => set(&mut transport.client_port, pair(word)),
            "server_port" => set(&mut transport.server_port, pair(word)),
            "ssrc" => {
                transport.ssrc = ssrc(word, raw, value)?;
                true
            }
            "mode" => {
                let names = word.split(',').map(str::trim).filter(|name| !name.is_empty());
                transport.mode = names.map(TransportMode::from).collect();
                !transport.mode.is_empty()
            }
            "dest_addr" | "src_addr" | "setup" | "connection" | "rtcp-mux" | "mikey" => {
                let rtsp2 = transport.rtsp2.get_or_insert_default();
                rtsp2.read(&name, word, raw, value)?
            }
            "" => false,
            _ if !is_terminated(part) => false,
            _ => {
                transport.other.push(part.to_owned());
                true
            }
        };
        if is_readable {
            return Ok(());
        }
        value.tolerate(Tolerance::TransportParameter, part)
    }

    fn finish(self, value: &mut Value<'_, '_>) -> Result<Transport, HeaderError> {
        let mut transport = self.transport;
        if transport.interleaved.is_some() && transport.lower == LowerTransport::Udp {
            value.tolerate(Tolerance::InterleavedWithoutTcp, self.specification)?;
            transport.lower = LowerTransport::Tcp;
        }
        let rtsp2 = transport.rtsp2.take();
        transport.rtsp2 = rtsp2.filter(|rtsp2| **rtsp2 != Rtsp2Parameters::default());
        transport.delivery = match self.delivery {
            Some(delivery) => delivery,
            None if value.tolerates(Tolerance::MissingDelivery) => Delivery::Unicast,
            None => Delivery::Multicast,
        };
        Ok(transport)
    }
}

impl Rtsp2Parameters {
    fn read(
        &mut self,
        name: &str,
        word: &str,
        raw: &str,
        value: &mut Value<'_, '_>,
    ) -> Result<bool, HeaderError> {
        Ok(match name {
            "dest_addr" => set(&mut self.dest_addr, addresses(raw, value)?),
            "src_addr" => set(&mut self.src_addr, addresses(raw, value)?),
            "setup" => set(
                &mut self.setup,
                named(
                    &[Setup::Active, Setup::Passive, Setup::ActPass],
                    Setup::as_str,
                    word,
                ),
            ),
            "connection" => set(
                &mut self.connection,
                named(
                    &[ConnectionUse::New, ConnectionUse::Existing],
                    ConnectionUse::as_str,
                    word,
                ),
            ),
            "rtcp-mux" => set(&mut self.rtcp_mux, true),
            _ => set(&mut self.mikey, Some(KeyMaterial(word.to_owned()))),
        })
    }
}

/// Sets a field, and says whether that is something.
fn set<T: Default + PartialEq>(field: &mut T, value: T) -> bool {
    *field = value;
    *field != T::default()
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, word: &str) -> Option<T> {
    let mut all = all.iter().copied();
    all.find(|value| name(*value).eq_ignore_ascii_case(word))
}

/// Eight hexadecimal digits, or what cameras take for them: with `0x` before it, and more or fewer of them (Q22, Q110). Of
/// several, which RTSP 2.0 has, the first.
fn ssrc(word: &str, part: &str, value: &mut Value<'_, '_>) -> Result<Option<u32>, HeaderError> {
    let word = word.split('/').next().unwrap_or_default().trim();
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let is_strict = word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_strict {
        value.tolerate(Tolerance::TransportSsrc, part)?;
    }
    Ok(hex_number(digits.unwrap_or(word)))
}

/// `4-5`, or `4` alone, whose neighbour is 5 (Q21).
fn pair(text: &str) -> Option<(u16, u16)> {
    match text.split_once('-') {
        Some((first, second)) => Some((number(first.trim())?, number(second.trim())?)),
        None => number(text).and_then(|first: u16| Some((first, first.checked_add(1)?))),
    }
}

fn channels(text: &str) -> Option<(u8, u8)> {
    let (first, second) = pair(text)?;
    Some((first.try_into().ok()?, second.try_into().ok()?))
}

/// Quoted addresses with slashes between.
fn addresses(text: &str, value: &mut Value<'_, '_>) -> Result<Vec<String>, HeaderError> {
    Parts::new(text, &['/'])
        .filter(|(_, part)| !part.is_empty())
        .map(|(_, part)| unquote(part, value))
        .collect()
}

impl From<&str> for TransportMode {
    fn from(name: &str) -> Self {
        match name {
            _ if name.eq_ignore_ascii_case("play") => Self::Play,
            _ if name.eq_ignore_ascii_case("record") => Self::Record,
            _ => Self::Other(name.to_owned()),
        }
    }
}
