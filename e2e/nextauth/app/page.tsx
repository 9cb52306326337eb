import { auth } from '@/auth';
import SignIn from './components/sign-in';
import { SignOut } from './components/sign-out';
import { SignOutEverywhere } from './components/sign-out-everywhere';

export default async function Home() {
  const session = await auth();
  return (
    <div>
      <pre id="session">{JSON.stringify(session)}</pre>
      {session?.user ? (
        <>
          <SignOut />
          <SignOutEverywhere />
        </>
      ) : (
        <SignIn />
      )}
    </div>
  );
}
