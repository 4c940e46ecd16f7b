package bot

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics holds the bot's Prometheus metrics.
type metrics struct {
	envelopes *prometheus.CounterVec
	acks      prometheus.Histogram
}

// newMetrics makes the metrics and registers them unless registry is nil.
func newMetrics(registry prometheus.Registerer, b *Bot) *metrics {
	m := &metrics{
		envelopes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "c66bot_envelopes_total", Help: "Envelopes that Slack delivered, by type and by whether they were acknowledged.",
		}, []string{"type", "acknowledged"}),
		acks: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "c66bot_acknowledgement_seconds", Help: "Time from an envelope's arrival to its written acknowledgement.",
			Buckets: []float64{0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 3},
		}),
	}
	if registry == nil {
		return m
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	count := func(name, help string, value func() int) prometheus.Collector {
		return gauge(name, help, func() float64 { return float64(value()) })
	}
	registry.MustRegister(m.envelopes, m.acks,
		gauge("c66bot_ready", "1 where the bot can do its work.", func() float64 {
			if b.Ready() != nil {
				return 0
			}
			return 1
		}),
		count("c66bot_tasks", "Commands and clicks that are being carried out.", func() int { all, _ := b.inbox.UnderWay(); return all }),
		count("c66bot_journal_open", "Changes that were asked for and are neither done nor told as not done.", func() int {
			_, changes := b.inbox.UnderWay()
			return changes
		}),
		count("c66bot_follows", "Cards whose deployment has not ended.", b.progress.Open),
		count("c66bot_subscriptions", "Subscriptions of channels.", func() int { return b.progress.Watching().Subscriptions }),
		count("c66bot_subscriptions_suspended", "Subscriptions of channels in which nothing can be posted.",
			func() int { return b.progress.Watching().Suspended }),
		count("c66bot_watched_stacks", "Stacks that are watched for every deployment.", func() int { return b.progress.Watch().Watched }),
		gauge("c66bot_sweep_age_seconds", "Time since the list of stacks was last read to its end; 0 before the first time.", func() float64 {
			last := b.progress.Watch().LastSweep
			if last.IsZero() {
				return 0
			}
			return time.Since(last).Seconds()
		}),
		count("c66bot_outbox_messages", "Messages and edits that are to be delivered to Slack.", b.outbox.Queued),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "c66bot_outbox_dropped_total", Help: "Messages and edits that were given up: too much waited for Slack, or for too long.",
		}, func() float64 { return float64(b.outbox.Dropped()) }),
		count("c66bot_cloud66_requests_left", "Cloud 66 requests left in the current hour.", func() int { return b.cloud.Budget().Rest }),
	)
	return m
}

// envelopeTypes are the types with a label value of their own. External input must not create labels.
var envelopeTypes = map[string]bool{"slash_commands": true, "interactive": true, "events_api": true}

func (m *metrics) acked(kind string, took time.Duration, err error) {
	if !envelopeTypes[kind] {
		kind = "other"
	}
	acknowledged := "yes"
	if err != nil {
		acknowledged = "no"
	}
	m.envelopes.WithLabelValues(kind, acknowledged).Inc()
	m.acks.Observe(took.Seconds())
}
