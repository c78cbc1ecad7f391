//! Random types and random newer versions of them. Each part of a newer type knows by a number which part of
//! the older one it was, so that nothing has to be found by names.

/// A source of choices.
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    pub(crate) fn one_in(&mut self, of: usize) -> bool {
        self.roll(of) == 0
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.roll(at + 1));
        }
    }
}

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub name: String,
    pub was: Option<String>,
    /// Of the part of the older type that it was; of an older type's own parts, theirs.
    pub origin: Option<usize>,
    pub node: Node,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Leaf(Leaf),
    Struct(Vec<Member>),
    Array(usize, Vec<Member>),
    OneOf(Vec<Variant>),
}

#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// A number type of Rust, or `text`.
    pub scalar: &'static str,
    /// For a text its bytes.
    pub dims: Vec<usize>,
    /// Digits behind the point.
    pub decimal: Option<u32>,
    /// What added fields say, with the bytes of it.
    pub added: Option<(String, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub name: String,
    pub was: Option<String>,
    pub origin: Option<usize>,
    pub tag: u32,
    pub members: Vec<Member>,
}

const SCALARS: [&str; 12] =
    ["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64"];

/// What widens into what.
const WIDER: [(&str, &[&str]); 8] = [
    ("u8", &["u16", "u32", "i16", "u128"]),
    ("u16", &["u32", "i32", "i128"]),
    ("u32", &["u64", "i64"]),
    ("u64", &["u128", "i128"]),
    ("i8", &["i16", "i64"]),
    ("i32", &["i64", "i128"]),
    ("i64", &["i128"]),
    ("f32", &["f64"]),
];

/// What no longer holds all that it held.
const NARROWER: [(&str, &[&str]); 6] = [
    ("u64", &["u32", "i64", "f64"]),
    ("i64", &["u64", "i32", "u128"]),
    ("u8", &["i8", "f32"]),
    ("f64", &["f32", "i64"]),
    ("i16", &["u16", "i8"]),
    ("u32", &["u16", "i32"]),
];

/// Makes types, and newer versions of them.
pub(crate) struct Maker<'a> {
    pub dice: &'a mut Dice,
    next: usize,
    /// Whether newer versions are made that no mapping leads to.
    pub spoils: bool,
    /// Parts that were spoilt.
    pub spoilt: usize,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(dice: &'a mut Dice) -> Self {
        Maker { dice, next: 0, spoils: false, spoilt: 0 }
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn name(&mut self) -> String {
        format!("f{}", self.number())
    }

    /// Fields of an older type.
    pub(crate) fn members(&mut self, depth: usize) -> Vec<Member> {
        let count = 1 + self.dice.roll(4);
        (0..count).map(|_| self.member(depth)).collect()
    }

    fn member(&mut self, depth: usize) -> Member {
        let node = match self.dice.roll(if depth == 0 { 6 } else { 10 }) {
            0..=5 => Node::Leaf(self.leaf()),
            6 => Node::Struct(self.members(depth - 1)),
            7 => Node::Array(1 + self.dice.roll(3), self.members(depth - 1)),
            _ => Node::OneOf(self.variants(depth - 1)),
        };
        Member { name: self.name(), was: None, origin: Some(self.number()), node }
    }

    fn leaf(&mut self) -> Leaf {
        let (mut decimal, mut dims) = (None, Vec::new());
        let mut scalar = SCALARS[self.dice.roll(SCALARS.len())];
        match self.dice.roll(6) {
            0 => dims = vec![1 + self.dice.roll(3)],
            1 => dims = vec![2, 1 + self.dice.roll(3)],
            2 => (scalar, dims) = ("text", vec![1 + self.dice.roll(5)]),
            3 => (scalar, dims) = ("text", vec![2, 1 + self.dice.roll(5)]),
            4 => {
                (scalar, decimal) = (["i16", "i32", "u32"][self.dice.roll(3)], Some(self.dice.roll(3) as u32))
            }
            _ => {}
        }
        Leaf { scalar, dims, decimal, added: None }
    }

    fn variants(&mut self, depth: usize) -> Vec<Variant> {
        let count = 1 + self.dice.roll(3);
        let variant = |tag: usize, maker: &mut Self| Variant {
            name: maker.name().to_uppercase(),
            was: None,
            origin: Some(maker.number()),
            tag: tag as u32,
            members: maker.members(depth),
        };
        (1..=count).map(|tag| variant(tag, self)).collect()
    }

    /// A newer version of those fields.
    pub(crate) fn edited(&mut self, members: &[Member]) -> Vec<Member> {
        let mut edited: Vec<Member> = Vec::new();
        for member in members {
            if self.dice.one_in(8) {
                continue;
            }
            let mut member = member.clone();
            if self.dice.one_in(3) {
                let name = self.name();
                let was = std::mem::replace(&mut member.name, name);
                // Of several names one is the right one.
                member.was = Some(if self.dice.one_in(2) { format!("never,{was}") } else { was });
            }
            self.edit(&mut member.node);
            edited.push(member);
        }
        while edited.is_empty() || self.dice.one_in(3) {
            edited.push(self.added());
        }
        self.dice.shuffle(&mut edited);
        edited
    }

    fn added(&mut self) -> Member {
        let mut leaf = self.leaf();
        let spoil = self.spoils && self.dice.one_in(4);
        self.spoilt += usize::from(spoil);
        leaf.added = match self.dice.roll(3) {
            _ if spoil => None,
            0 if leaf.scalar == "u8" && leaf.dims.is_empty() => Some(("default=200".to_owned(), vec![200])),
            0 if leaf.scalar == "i16" && leaf.decimal == Some(2) => {
                Some(("default=-1.5".to_owned(), (-150i16).to_le_bytes().to_vec()))
            }
            1 if leaf.scalar == "text" && leaf.dims.len() == 1 => {
                Some(("default=a".to_owned(), b"a".to_vec()))
            }
            1 if leaf.scalar == "u16" && leaf.dims == [2] => {
                Some(("default=[1, 515]\tsince=2".to_owned(), vec![1, 0, 3, 2]))
            }
            _ => Some(("since=2".to_owned(), Vec::new())),
        };
        Member { name: self.name(), was: None, origin: None, node: Node::Leaf(leaf) }
    }

    fn edit(&mut self, node: &mut Node) {
        match node {
            Node::Leaf(leaf) => self.edit_leaf(leaf),
            Node::Struct(members) | Node::Array(_, members) => *members = self.edited(members),
            Node::OneOf(variants) => {
                for (index, variant) in variants.iter_mut().enumerate() {
                    variant.members = self.edited(&variant.members);
                    variant.tag = if self.dice.one_in(2) { variant.tag } else { 10 + index as u32 };
                    if self.dice.one_in(3) {
                        let name = self.name().to_uppercase();
                        variant.was = Some(std::mem::replace(&mut variant.name, name));
                    }
                }
                if self.dice.one_in(3) {
                    let members = vec![self.added()];
                    let name = self.name().to_uppercase();
                    variants.push(Variant { name, was: None, origin: None, tag: 99, members });
                }
                self.dice.shuffle(variants);
            }
        }
    }

    fn edit_leaf(&mut self, leaf: &mut Leaf) {
        if self.spoils && self.dice.one_in(4) && self.spoil(leaf) {
            self.spoilt += 1;
            return;
        }
        if !self.dice.one_in(2) {
            return;
        }
        if leaf.scalar == "text" {
            let last = leaf.dims.len() - 1;
            leaf.dims[last] += self.dice.roll(3);
            return;
        }
        let Some((_, wider)) = WIDER.iter().find(|(scalar, _)| *scalar == leaf.scalar) else { return };
        let wider = wider[self.dice.roll(wider.len())];
        // Of 32 bits with two digits more 64 hold all.
        if let Some(scale) = &mut leaf.decimal {
            if wider == "u128" {
                return;
            }
            *scale += if leaf.scalar.ends_with("32") { self.dice.roll(3) as u32 } else { 0 };
        }
        leaf.scalar = wider;
    }

    fn spoil(&mut self, leaf: &mut Leaf) -> bool {
        if let Some(scale) = &mut leaf.decimal
            && *scale > 0
        {
            *scale -= 1;
            return true;
        }
        if leaf.scalar == "text" {
            let last = leaf.dims.len() - 1;
            leaf.dims[last] -= 1;
            return leaf.dims[last] > 0 || {
                leaf.dims[last] = 1;
                false
            };
        }
        let Some((_, narrower)) = NARROWER.iter().find(|(scalar, _)| *scalar == leaf.scalar) else {
            return false;
        };
        leaf.scalar = narrower[self.dice.roll(narrower.len())];
        true
    }
}
