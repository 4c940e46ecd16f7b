package bolt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"c66bot/storage"
)

// The layout of a bbolt file, from bbolt's internal/common: pages of one size with numbers in native byte order. A large page
// continues in the following ones, which have no header.
const (
	pageHeader   = 16 // id uint64, kind uint16, count uint16, overflow uint32
	elementSize  = 16 // leaf: flags, position, key size, value size; branch: position, key size, child uint64
	bucketHeader = 16 // root uint64, sequence uint64; root 0 means that its only page follows inline
	headSize     = 64 // magic, version, page size, flags, root, sequence, free list, end, transaction, checksum

	branchKind = 0x01
	leafKind   = 0x02
	headKind   = 0x04
	freeKind   = 0x10

	magic         = 0xED0CDAED
	layoutVersion = 2
	noFreeList    = ^uint64(0)
	manyFree      = 0xFFFF // a count of this value means that the first element holds the count
)

var order = binary.NativeEndian

// maxDepth bounds the depth of a tree. Sound trees have less than ten levels.
const maxDepth = 64

// walk verifies a file page by page. It trusts no unchecked value and visits no page twice, so it terminates, with buffers no
// larger than the file, for any content. bbolt itself maps the file and trusts it: damage can make it fault or loop, and a wrong
// count silently loses records.
type walk struct {
	file     io.ReaderAt
	pageSize uint64
	taken    []bool // By page: it has an owner.
	depth    int
	record   func(table, key string, value []byte) error
	refused  error // The first error about a record. It is returned only if the structure is sound.
}

// head is one of the two head (meta) pages. The one with the later transaction is valid.
type head struct {
	ID                              uint64
	Kind, _                         uint16
	_                               uint32
	Magic, Version, PageSize, _     uint32
	Root, _, Free, End, Transaction uint64
	Sum                             uint64
}

// page is a page with its continuation pages.
type page struct {
	id          uint64
	kind, count uint16
	data        []byte // Includes the header.
}

// element is one entry of a page: key and value in a leaf, key and child page in a branch.
type element struct {
	bucket     bool
	key, value []byte
	child      uint64
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{storage.ErrDamaged}, args...)...)
}

// walkFile verifies the structure of a file: both heads, the free list, and each page of each bucket. Every page must have
// exactly one owner and be filled without gaps, as bbolt writes it. It passes all records of tables to record; refused is the
// first error of record.
func walkFile(file io.ReaderAt, size int64, record func(table, key string, value []byte) error) (refused, err error) {
	last, err := readHeads(file)
	if err != nil {
		return nil, err
	}
	if whole := uint64(size) / uint64(last.PageSize); last.End > whole {
		return nil, damaged("the file is cut short: it has %d bytes of at least %d pages with %d bytes each", size, last.End, last.PageSize)
	}
	if last.End < 2 {
		return nil, damaged("the head says that there are %d pages", last.End)
	}
	w := &walk{file: file, pageSize: uint64(last.PageSize), taken: make([]bool, last.End), record: record}
	w.taken[0], w.taken[1] = true, true
	if err := w.tree(last.Root, "", nil, nil); err != nil {
		return nil, err
	}
	if last.Free == noFreeList { // Written by another program: bbolt creates the list on opening.
		return w.refused, nil
	}
	if err := w.freeList(last.Free); err != nil {
		return nil, err
	}
	if id := slices.Index(w.taken, false); id >= 0 {
		return nil, damaged("page %d is neither used nor free", id)
	}
	return w.refused, nil
}

// readHeads returns the newer head. Both must be sound: falling back to the older one would lose the last commit.
func readHeads(file io.ReaderAt) (last head, err error) {
	first, err := readHead(file, 0, 0)
	if err != nil {
		return last, err
	}
	second, err := readHead(file, 1, uint64(first.PageSize))
	if err != nil {
		return last, err
	}
	last, older, place := first, second, uint64(1)
	if second.Transaction > first.Transaction {
		last, older, place = second, first, 0
	}
	// A commit writes the head of its own parity. In a copy made by bbolt the parities can be swapped, so that its first commit
	// overwrites the newer head.
	restored := older.Transaction%2 != place && last.Transaction == older.Transaction+2
	if second.PageSize != first.PageSize || last.Transaction != older.Transaction+1 && !restored {
		return last, damaged("its two heads do not belong together")
	}
	return last, nil
}

func readHead(file io.ReaderAt, id, at uint64) (h head, err error) {
	var b [pageHeader + headSize]byte
	if n, err := file.ReadAt(b[:], int64(at)); n < len(b) {
		return h, damaged("head %d of 2 cannot be read: %w", id+1, err)
	}
	if _, err := binary.Decode(b[:], order, &h); err != nil {
		return h, err
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[pageHeader : len(b)-8]) // A hash never returns an error.
	switch {
	case h.Magic != magic || h.Version != layoutVersion || h.Sum != sum.Sum64() || h.ID != id || h.Kind != headKind:
		return h, damaged("head %d of 2 is not whole", id+1)
	case h.PageSize < 512 || h.PageSize > 1<<24 || h.PageSize&(h.PageSize-1) != 0:
		return h, damaged("head %d of 2 has a page size of %d", id+1, h.PageSize)
	}
	return h, nil
}

// page reads a page with its continuation and marks it as owned.
func (w *walk) page(id uint64) (p page, err error) {
	if id >= uint64(len(w.taken)) {
		return p, damaged("page %d is used, but there are %d", id, len(w.taken))
	}
	p = page{id: id, data: make([]byte, w.pageSize)}
	if err := w.read(p.data, id); err != nil {
		return p, err
	}
	p.kind, p.count = order.Uint16(p.data[8:]), order.Uint16(p.data[10:])
	more := uint64(order.Uint32(p.data[12:]))
	if named := order.Uint64(p.data); named != id || more >= uint64(len(w.taken))-id {
		return p, damaged("page %d has the header of page %d to %d", id, named, named+more)
	}
	for i := id; i <= id+more; i++ {
		if w.taken[i] {
			return p, damaged("page %d is used twice", i)
		}
		w.taken[i] = true
	}
	if more > 0 {
		p.data = make([]byte, (more+1)*w.pageSize)
		err = w.read(p.data, id)
	}
	return p, err
}

func (w *walk) read(b []byte, id uint64) error {
	if n, err := w.file.ReadAt(b, int64(id*w.pageSize)); n < len(b) {
		return damaged("page %d cannot be read: %w", id, err)
	}
	return nil
}

// tree verifies a page and its subtree. Its keys must not be below least, nor reach limit unless that is nil. The root tree,
// which holds the tables, has the table "".
func (w *walk) tree(id uint64, table string, least, limit []byte) error {
	p, err := w.page(id)
	if err != nil {
		return err
	}
	return w.content(p, table, least, limit)
}

func (w *walk) content(p page, table string, least, limit []byte) error {
	if w.depth++; w.depth > maxDepth {
		return damaged("page %d is the end of a way of more than %d pages", p.id, maxDepth)
	}
	defer func() { w.depth-- }()
	elements, err := p.elements()
	if err != nil {
		return err
	}
	for i, e := range elements {
		if i > 0 && bytes.Compare(e.key, elements[i-1].key) <= 0 || bytes.Compare(e.key, least) < 0 ||
			limit != nil && bytes.Compare(e.key, limit) >= 0 {
			return damaged("page %d has its keys out of order", p.id)
		}
		var refused error
		switch {
		case p.kind == branchKind:
			next := limit
			if i+1 < len(elements) {
				next = elements[i+1].key
			}
			err = w.tree(e.child, table, e.key, next)
		case e.bucket:
			if table != "" {
				refused = damaged("record %q of %s is none", e.key, table)
			}
			err = w.bucket(p.id, string(e.key), e.value)
		case table == "":
			refused = damaged("the table %q is none", e.key)
		case table != metaBucket:
			refused = w.record(table, string(e.key), e.value)
		}
		if err != nil {
			return err
		}
		w.refused = cmp.Or(w.refused, refused)
	}
	return nil
}

// bucket verifies a bucket, given as a value. A small bucket has its only page inline.
func (w *walk) bucket(id uint64, table string, value []byte) error {
	if len(value) < bucketHeader {
		return damaged("page %d has a bucket of %d bytes", id, len(value))
	}
	root, inline := order.Uint64(value), value[bucketHeader:]
	if root != 0 {
		if len(inline) > 0 {
			return damaged("page %d has a bucket in two places", id)
		}
		return w.tree(root, table, nil, nil)
	}
	if len(inline) < pageHeader {
		return damaged("page %d has a bucket without a page", id)
	}
	p := page{id: id, kind: order.Uint16(inline[8:]), count: order.Uint16(inline[10:]), data: inline}
	if p.kind != leafKind {
		return damaged("page %d has a bucket with a page of kind %#x", id, p.kind)
	}
	return w.content(p, table, nil, nil)
}

// elements returns the entries of a branch or leaf, which must be contiguous.
func (p page) elements() ([]element, error) {
	if p.kind != leafKind && p.kind != branchKind || p.kind == branchKind && p.count == 0 {
		return nil, damaged("page %d is of kind %#x with %d keys where one with keys belongs", p.id, p.kind, p.count)
	}
	size := uint64(len(p.data))
	next := pageHeader + elementSize*uint64(p.count)
	if next > size {
		return nil, damaged("page %d has %d keys, more than it has room for", p.id, p.count)
	}
	elements := make([]element, p.count)
	for i := range elements {
		at := pageHeader + elementSize*uint64(i)
		flags, position, keySize, valueSize, child := p.element(p.data[at:])
		end := next + keySize + valueSize
		if at+position != next || end > size || keySize == 0 || flags > 1 {
			return nil, damaged("page %d has its key %d in a wrong place", p.id, i)
		}
		elements[i] = element{bucket: flags == 1, key: p.data[next : next+keySize], value: p.data[next+keySize : end], child: child}
		next = end
	}
	if p.count == 0 && len(bytes.Trim(p.data[next:], "\x00")) > 0 { // A count of 0 is sound only if no data follows.
		return nil, damaged("page %d has no keys, but something stands in it", p.id)
	}
	return elements, nil
}

func (p page) element(b []byte) (flags uint32, position, keySize, valueSize, child uint64) {
	if p.kind == branchKind {
		return 0, uint64(order.Uint32(b)), uint64(order.Uint32(b[4:])), 0, order.Uint64(b[8:])
	}
	return order.Uint32(b), uint64(order.Uint32(b[4:])), uint64(order.Uint32(b[8:])), uint64(order.Uint32(b[12:])), 0
}

// freeList verifies the free list, whose ids must ascend.
func (w *walk) freeList(id uint64) error {
	p, err := w.page(id)
	if err != nil {
		return err
	}
	ids, count := p.data[pageHeader:], uint64(p.count)
	if p.count == manyFree {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if p.kind != freeKind || count > uint64(len(ids))/8 {
		return damaged("page %d, the list of free pages, is of kind %#x with %d pages", id, p.kind, count)
	}
	last := uint64(0)
	for i := range count {
		free := order.Uint64(ids[8*i:])
		if free <= last || free >= uint64(len(w.taken)) || w.taken[free] {
			return damaged("page %d, the list of free pages, has page %d, which is not free", id, free)
		}
		last, w.taken[free] = free, true
	}
	return nil
}
