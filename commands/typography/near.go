package typography

import (
	"cmp"
	"slices"

	"github.com/agext/levenshtein"
)

// Nearest gives the candidate that a word was most likely meant to be, "" where none is near.
func Nearest(word string, candidates []string) string {
	best, score := "", 0.0
	for _, c := range candidates {
		if near := Nearness(word, c); near > score {
			best, score = c, near
		}
	}
	return best
}

// Closest gives the candidate that is most like a word, its beginning above all, however far from it that is.
func Closest(word string, candidates []string) string {
	params := levenshtein.NewParams().BonusThreshold(0)
	return slices.MaxFunc(candidates, func(a, b string) int {
		return cmp.Compare(levenshtein.Match(word, a, params), levenshtein.Match(word, b, params))
	})
}

// Nearness says how much alike two words are, from 0, where nobody would mix them up, to 1. Two letters swapped are still alike.
func Nearness(a, b string) float64 {
	match := levenshtein.Match(a, b, nil)
	if distance := levenshtein.Distance(a, b, nil); match < 0.5 && (distance > 2 || distance >= min(len(a), len(b))) {
		return 0
	}
	return match
}
