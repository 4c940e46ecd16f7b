package cloud66

import (
	"context"
	"errors"
)

// Service is one of the services of a docker stack.
type Service struct {
	Name     string
	ImageTag string // empty for a service that is built from git
}

type wireService struct {
	Name     text `json:"name"`
	ImageTag text `json:"image_tag"`
}

// Services returns the services of a stack.
func (c *Client) Services(ctx context.Context, uid string) ([]Service, error) {
	path, err := stackPath(uid, "services")
	if err != nil {
		return nil, err
	}
	l := listing[Service]{client: c, path: path, pages: fewPages, item: each(func(w wireService) (Service, error) {
		if w.Name == "" {
			return Service{}, errors.New("a service in it has no name")
		}
		return Service{Name: string(w.Name), ImageTag: string(w.ImageTag)}, nil
	})}
	var services []Service
	for s, err := range all(ctx, l, func(s Service) string { return s.Name }) {
		if err != nil {
			return nil, err
		}
		services = append(services, s)
	}
	return services, nil
}
