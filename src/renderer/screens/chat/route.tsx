import { createLazyRoute } from '@tanstack/react-router';
import { ChatScreen } from './screen.tsx';

export const newChatRoute = createLazyRoute('/chat')({ component: () => <ChatScreen threadId={null} /> });

export const threadRoute = createLazyRoute('/chat/$threadId')({
  component: function ThreadRoute() {
    const { threadId } = threadRoute.useParams();
    return <ChatScreen key={threadId} threadId={threadId} />;
  },
});
