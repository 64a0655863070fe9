// The subset of CBOR that cards and records are written in (protocol.md 6.1):
// definite lengths, shortest heads, map keys unsigned and ascending. Decoding
// refuses everything else, so that decode(encode(x)) = x and nothing else is.

package main

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// entry is one key of a map. Values are uint64, []byte, string, bool,
// []interface{} or fields.
type entry struct {
	key   uint64
	value interface{}
}

// fields is a map in the order of its keys.
type fields []entry

func (f fields) get(key uint64) interface{} {
	for _, e := range f {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

func head(major byte, v uint64) []byte {
	b := make([]byte, 9)
	switch {
	case v < 24:
		return []byte{major<<5 | byte(v)}
	case v <= math.MaxUint8:
		return []byte{major<<5 | 24, byte(v)}
	case v <= math.MaxUint16:
		b[0] = major<<5 | 25
		binary.BigEndian.PutUint16(b[1:], uint16(v))
		return b[:3]
	case v <= math.MaxUint32:
		b[0] = major<<5 | 26
		binary.BigEndian.PutUint32(b[1:], uint32(v))
		return b[:5]
	}
	b[0] = major<<5 | 27
	binary.BigEndian.PutUint64(b[1:], v)
	return b
}

func encode(v interface{}) []byte {
	switch v := v.(type) {
	case uint64:
		return head(0, v)
	case []byte:
		return append(head(2, uint64(len(v))), v...)
	case string:
		return append(head(3, uint64(len(v))), v...)
	case []interface{}:
		out := head(4, uint64(len(v)))
		for _, item := range v {
			out = append(out, encode(item)...)
		}
		return out
	case fields:
		out := head(5, uint64(len(v)))
		for _, e := range v {
			out = append(append(out, head(0, e.key)...), encode(e.value)...)
		}
		return out
	case bool:
		if v {
			return []byte{0xf5}
		}
		return []byte{0xf4}
	}
	panic("encode: not of the subset")
}

var errCBOR = errors.New("not the CBOR of protocol.md 6.1")

// argument reads a head: its major type and its number, shortest form only.
func argument(b []byte) (major byte, v uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, 0, nil, errCBOR
	}
	major, low, rest := b[0]>>5, b[0]&31, b[1:]
	if low < 24 {
		return major, uint64(low), rest, nil
	}
	size := 1 << (low - 24)
	if low > 27 || len(rest) < size || major == 7 {
		return 0, 0, nil, errCBOR
	}
	for _, c := range rest[:size] {
		v = v<<8 | uint64(c)
	}
	if len(head(major, v)) != 1+size {
		return 0, 0, nil, errCBOR
	}
	return major, v, rest[size:], nil
}

// decodeItem reads one value; depth bounds how deep values may lie in others.
func decodeItem(b []byte, depth int) (interface{}, []byte, error) {
	major, v, rest, err := argument(b)
	if err != nil || depth == 0 {
		return nil, nil, errCBOR
	}
	switch major {
	case 0:
		return v, rest, nil
	case 2, 3:
		if v > uint64(len(rest)) {
			return nil, nil, errCBOR
		}
		bytes, rest := rest[:v], rest[v:]
		if major == 2 {
			return append([]byte{}, bytes...), rest, nil
		}
		for _, c := range bytes {
			if c == 0 {
				return nil, nil, errCBOR
			}
		}
		if !utf8.Valid(bytes) {
			return nil, nil, errCBOR
		}
		return string(bytes), rest, nil
	case 4:
		return decodeArray(v, rest, depth)
	case 5:
		return decodeMap(v, rest, depth)
	case 7:
		if v == 20 || v == 21 {
			return v == 21, rest, nil
		}
	}
	return nil, nil, errCBOR
}

func decodeArray(n uint64, b []byte, depth int) (interface{}, []byte, error) {
	items := []interface{}{}
	for ; n > 0; n-- {
		item, rest, err := decodeItem(b, depth-1)
		if err != nil {
			return nil, nil, err
		}
		items, b = append(items, item), rest
	}
	return items, b, nil
}

func decodeMap(n uint64, b []byte, depth int) (interface{}, []byte, error) {
	out := fields{}
	for ; n > 0; n-- {
		major, key, rest, err := argument(b)
		if err != nil || major != 0 {
			return nil, nil, errCBOR
		}
		if len(out) > 0 && key <= out[len(out)-1].key {
			return nil, nil, errCBOR
		}
		value, rest, err := decodeItem(rest, depth-1)
		if err != nil {
			return nil, nil, err
		}
		out, b = append(out, entry{key, value}), rest
	}
	return out, b, nil
}

// decodeFields reads exactly one map and nothing behind it.
func decodeFields(b []byte) (fields, error) {
	v, rest, err := decodeItem(b, 4)
	if err != nil || len(rest) > 0 {
		return nil, errCBOR
	}
	f, ok := v.(fields)
	if !ok {
		return nil, errCBOR
	}
	return f, nil
}
