//! Macro for JSON objects: some fields are read, some are known and ignored, all others are counted.

/// Declares a struct whose fields hold the raw text of a JSON object's values (`None`: absent or `null`), and
/// the number of unknown fields.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident = $key:literal),* $(,)? } knows $known:expr) => {
        $(#[$doc])*
        #[derive(Default, Debug)]
        pub(in crate::exchange::mexc) struct $name<'a> {
            $($(#[$field_doc])* pub $field: Option<&'a serde_json::value::RawValue>,)*
            /// Number of unknown fields.
            pub unknown: u64,
        }

        impl<'de> serde::Deserialize<'de> for $name<'de> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        while let Some(key) = map.next_key::<$crate::exchange::mexc::wire::object::Key<'de>>()? {
                            match &*key.0 {
                                $($key => {
                                    let value = map.next_value::<&'de serde_json::value::RawValue>()?;
                                    object.$field = (value.get() != "null").then_some(value);
                                })*
                                other => {
                                    let known: &[&str] = &$known;
                                    object.unknown += u64::from(!known.contains(&other));
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }
    };
}

/// A field name, borrowed unless it contains escapes.
#[derive(serde::Deserialize)]
pub(in crate::exchange::mexc) struct Key<'a>(#[serde(borrow)] pub std::borrow::Cow<'a, str>);
