"""Chat, without any chat vendor: what people type, and what they are answered, in English and 中文."""
