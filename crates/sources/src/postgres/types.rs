//! Which type is read how.

use domain::ColumnType;

/// How the wire bytes of a column become canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// As they are.
    Same,
    /// Signed, two, four or eight bytes.
    Signed,
    /// An oid.
    Unsigned,
    /// The flags word is zeroed.
    Array,
}

/// What is written behind the column in the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cast {
    None,
    Text,
    TextArray,
    /// The cast of an inet to text adds a netmask that nobody wrote; its output function does not.
    Inet,
    InetArray,
}

impl Cast {
    /// The SQL for a column.
    pub(super) fn of(self, column: &str) -> String {
        match self {
            Self::None => column.to_owned(),
            Self::Text => format!("{column}::pg_catalog.text"),
            Self::TextArray => format!("{column}::pg_catalog.text[]"),
            Self::Inet => format!("pg_catalog.textin(pg_catalog.inet_out({column}))"),
            Self::InetArray => format!("pg_catalog.textin(pg_catalog.array_out({column}))::pg_catalog.text[]"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) kind: ColumnType,
    pub(super) wire: Wire,
    pub(super) cast: Cast,
}

/// `array`: the type is an array of something. Only built-in types, whose ids never change, are read in binary.
pub(super) fn reading(oid: u32, array: bool) -> Reading {
    for (scalar, of_scalar, kind) in &BUILT_IN {
        if *scalar == oid {
            let wire = match (kind, oid) {
                (ColumnType::Int, OID) => Wire::Unsigned,
                (ColumnType::Int, _) => Wire::Signed,
                _ => Wire::Same,
            };
            return Reading { kind: kind.clone(), wire, cast: Cast::None };
        }
        if *of_scalar == oid {
            return Reading { kind: array_of(kind.clone()), wire: Wire::Array, cast: Cast::None };
        }
    }
    match oid {
        INET => return Reading { kind: ColumnType::Text, wire: Wire::Same, cast: Cast::Inet },
        INETS => return Reading { kind: array_of(ColumnType::Text), wire: Wire::Array, cast: Cast::InetArray },
        _ => {}
    }
    if array && !VECTORS.contains(&oid) {
        return Reading { kind: array_of(ColumnType::Text), wire: Wire::Array, cast: Cast::TextArray };
    }
    Reading { kind: ColumnType::Text, wire: Wire::Same, cast: Cast::Text }
}

fn array_of(kind: ColumnType) -> ColumnType {
    ColumnType::Array(Box::new(kind))
}

const OID: u32 = 26;
const INET: u32 = 869;
const INETS: u32 = 1041;

/// int2vector and oidvector look like arrays in the catalogue; people know their text.
const VECTORS: [u32; 2] = [22, 30];

/// The id of a type, of its array type, and how both are read. The binary form of these holds no id of a user's type.
///
/// `money` is missing on purpose: its binary form does not say how many decimals it has. So is `xml`, whose binary form
/// may name another encoding.
const BUILT_IN: [(u32, u32, ColumnType); 22] = [
    (16, 1000, ColumnType::Bool),
    (17, 1001, ColumnType::Bytea),
    (19, 1003, ColumnType::Text), // name
    (20, 1016, ColumnType::Int),
    (21, 1005, ColumnType::Int),
    (23, 1007, ColumnType::Int),
    (25, 1009, ColumnType::Text),
    (OID, 1028, ColumnType::Int),
    (114, 199, ColumnType::Json),
    (700, 1021, ColumnType::Float4),
    (701, 1022, ColumnType::Float8),
    (1042, 1014, ColumnType::Text), // char(n), padded as it is printed
    (1043, 1015, ColumnType::Text), // varchar
    (1082, 1182, ColumnType::Date),
    (1083, 1183, ColumnType::Time),
    (1114, 1115, ColumnType::Timestamp),
    (1184, 1185, ColumnType::TimestampTz),
    (1186, 1187, ColumnType::Interval),
    (1266, 1270, ColumnType::TimeTz),
    (1700, 1231, ColumnType::Numeric),
    (2950, 2951, ColumnType::Uuid),
    (3802, 3807, ColumnType::Jsonb),
];
