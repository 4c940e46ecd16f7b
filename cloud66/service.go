package cloud66

import (
	"context"
	"errors"
)

// Service is one of the services of a docker stack. SourceType is "git", with a GitRef, or "image", with an ImageName and an
// ImageTag.
type Service struct {
	Name         string
	SourceType   string
	GitRef       string
	ImageName    string
	ImageTag     string
	DesiredCount int
}

// Services returns the services of a stack.
func (c *Client) Services(ctx context.Context, uid string) ([]Service, error) {
	path, err := stackPath(uid, "services")
	if err != nil {
		return nil, err
	}
	var services []Service
	l := listing[Service]{client: c, path: path, pages: fewPages, item: each(service)}
	for s, err := range all(ctx, l, func(s Service) string { return s.Name }) {
		if err != nil {
			return nil, err
		}
		services = append(services, s)
	}
	return services, nil
}

type wireService struct {
	Name         text `json:"name"`
	SourceType   text `json:"source_type"`
	GitRef       text `json:"git_ref"`
	ImageName    text `json:"image_name"`
	ImageTag     text `json:"image_tag"`
	DesiredCount text `json:"desired_count"`
}

func service(w wireService) (Service, error) {
	if w.Name == "" {
		return Service{}, errors.New("a service in it has no name")
	}
	return Service{
		Name:         string(w.Name),
		SourceType:   string(w.SourceType),
		GitRef:       string(w.GitRef),
		ImageName:    string(w.ImageName),
		ImageTag:     string(w.ImageTag),
		DesiredCount: int(w.DesiredCount.int()),
	}, nil
}
