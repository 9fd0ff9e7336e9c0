import { createLazyRoute } from '@tanstack/react-router';
import { ChatScreen } from './screen.tsx';

export const route = createLazyRoute('/chat/{-$threadId}')({
  component: function ChatRoute() {
    const { threadId } = route.useParams();
    const wanted = route.useSearch();
    return <ChatScreen threadId={threadId ?? null} wanted={wanted} />;
  },
});
