//go:build browser

package main

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"c66bot/bot/slacksim/page/pagetest"
)

// pictures is where the pictures of the README go.
//
//	go test -tags browser ./cmd/c66bot -run TestThePageInPictures -pictures "$PWD/.readme"
var pictures = flag.String("pictures", "", "the directory for the pictures of the demonstration, instead of a temporary one")

// TestThePageInPictures takes the README's moving picture and pictures of the page for whoever wants to look at it: light, dark and narrow.
func TestThePageInPictures(t *testing.T) {
	dir := *pictures
	if dir == "" {
		dir = t.TempDir()
	}
	_, url := demoPageProcess(t, "--speed", "20")
	tab := pagetest.Open(t).Tab(url)
	tab.Size(1000, 620)
	furnished(tab)
	film := &film{t: t, tab: tab}
	redeployThatFails(film)
	write(t, filepath.Join(dir, "demo.gif"), film.gif())

	shot := func(name string) { write(t, filepath.Join(dir, name+".png"), tab.Shot()) }
	tab.Size(1280, 800)
	shot("light")
	tab.Dark(true)
	shot("dark")
	tab.Size(390, 800)
	shot("narrow-dark")
	tab.Dark(false)
	shot("narrow")
	tab.Size(1280, 800)
	tab.Click("header", "☁ Cloud 66")
	tab.Sees(side, "Runs and is connected")
	shot("panel")
	tab.Type(composer, "/c66 redeploy docs\r")
	tab.Sees(dialog, "Redeploy docs")
	shot("form")
}

// redeployThatFails is the story of the moving picture.
func redeployThatFails(film *film) {
	tab := film.tab
	tab.Click("header", "☁ Cloud 66")
	tab.Click(side, "web@staging")
	tab.Click(side, "and fails")
	tab.Sees(side, "next fails")
	tab.Click(side, "Close the panel")

	film.take(1500 * time.Millisecond)
	for _, part := range []string{"/c66 ", "redeploy ", "web@staging ", "--ref main ", "--reason ", `"new header"`} {
		tab.Type(composer, part)
		film.take(250 * time.Millisecond)
	}
	film.take(500 * time.Millisecond)
	tab.Keys("\r")
	tab.Sees(channel, "deploying")
	for range 40 {
		film.take(400 * time.Millisecond)
		if pagetest.Value[bool](tab, `document.querySelector(".conversation").innerText.includes(" failed after ")`) {
			break
		}
		time.Sleep(300 * time.Millisecond)
	}
	tab.Sees(channel, "failed after")
	film.take(2 * time.Second)
	tab.Click(channel, "Reply in thread")
	tab.Sees(thread, "failed")
	film.take(5 * time.Second)
}

// film is a moving picture of a tab.
type film struct {
	t      *testing.T
	tab    *pagetest.Tab
	frames []image.Image
	shown  []time.Duration
}

// take adds what the tab shows, for some time.
func (f *film) take(shown time.Duration) {
	frame, err := png.Decode(bytes.NewReader(f.tab.Shot()))
	if err != nil {
		f.t.Fatal(err)
	}
	f.frames, f.shown = append(f.frames, frame), append(f.shown, shown)
}

// gif encodes the film with one palette. A frame holds the rectangle that changed.
func (f *film) gif() []byte {
	palette := commonColours(f.frames)
	near := map[color.Color]uint8{}
	animation := &gif.GIF{}
	var before *image.Paletted
	for i, frame := range f.frames {
		whole := image.NewPaletted(frame.Bounds(), palette)
		for y := range frame.Bounds().Dy() {
			for x := range frame.Bounds().Dx() {
				c := frame.At(x, y)
				index, known := near[c]
				if !known {
					index = uint8(palette.Index(c)) //nolint:gosec // A palette has 256 colours.
					near[c] = index
				}
				whole.SetColorIndex(x, y, index)
			}
		}
		changed := whole
		if before != nil {
			changed, _ = whole.SubImage(difference(before, whole)).(*image.Paletted)
		}
		before = whole
		animation.Image = append(animation.Image, changed)
		animation.Delay = append(animation.Delay, int(f.shown[i]/(10*time.Millisecond)))
		animation.Disposal = append(animation.Disposal, gif.DisposalNone)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, animation); err != nil {
		f.t.Fatal(err)
	}
	return out.Bytes()
}

// difference is the smallest rectangle outside which two pictures are the same, at least one pixel.
func difference(a, b *image.Paletted) image.Rectangle {
	found := image.Rectangle{}
	for y := range b.Rect.Dy() {
		for x := range b.Rect.Dx() {
			if a.ColorIndexAt(x, y) != b.ColorIndexAt(x, y) {
				found = found.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if found.Empty() {
		return image.Rect(0, 0, 1, 1)
	}
	return found
}

// commonColours returns the 256 most frequent colours.
func commonColours(frames []image.Image) color.Palette {
	count := map[color.Color]int{}
	for _, frame := range frames {
		for y := range frame.Bounds().Dy() {
			for x := range frame.Bounds().Dx() {
				count[frame.At(x, y)]++
			}
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	return color.Palette(colours[:min(256, len(colours))])
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d kB", path, len(data)/1000)
}
